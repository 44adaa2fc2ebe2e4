"""The backend's image with a model of one's own in it."""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.containers.engine import IMAGES, inspect, running_container, wait_until_ready
from tests.own_models import write_own

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that nobody but its owner may read, as a strict umask leaves it."""
    folder = write_own(tmp_path_factory.mktemp("models") / "fruit", ["ripe", "rotten"])
    for file in folder.iterdir():
        file.chmod(0o600)
    folder.chmod(0o700)
    return folder


def build(model: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "containers" / "build.sh", "backend"], env=os.environ | {"MODEL": str(model)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_the_image_serves_the_model_that_is_in_it(images, fruit, espresso, monkeypatch):
    built = build(fruit)
    assert built.returncode == 0, built.stderr
    monkeypatch.setitem(IMAGES, "backend", "localhost/sightserve-backend-model")

    with running_container("backend") as container:
        wait_until_ready("backend", container)
        request = urllib.request.Request(container.url + "/predict?top_k=2", espresso, {"Content-Type": "image/jpeg"})
        with urllib.request.urlopen(request, timeout=20) as response:
            answer = json.load(response)

    assert answer["model"]["name"] == "fruit"
    assert {entry["label"] for entry in answer["top_k"]} == {"ripe", "rotten"}
    assert inspect("localhost/sightserve-backend-model")["Config"]["User"] == "10001:10001"


def test_a_damaged_model_ends_the_build(images, fruit, tmp_path):
    shutil.copytree(fruit, tmp_path / "damaged")
    (tmp_path / "damaged" / "labels.txt").write_text("ripe\nrotten!\n")

    built = build(tmp_path / "damaged")

    assert built.returncode != 0
    assert "labels.txt" in built.stderr


def test_what_is_no_bundle_is_said_before_anything_is_built(tmp_path):
    built = build(tmp_path)

    assert built.returncode == 2
    assert "manifest.json is not there" in built.stderr
