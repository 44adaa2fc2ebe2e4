"""The whole way of one's own classes: a folder, one command, and what a server says over HTTP of photos that are new."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.drawn import SHAPES, biscuit, fill
from tests.processes import clean_environment, running_backend

from sightserve.client import Client

pytestmark = pytest.mark.slow


def train(folder: Path, photos: Path, *flags: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "sightserve", "train", str(photos), "--name", "biscuits", "--progress", "json", *flags],
        env=clean_environment(SIGHTSERVE_MODELS_DIR=str(folder / "models"), XDG_CACHE_HOME=str(folder / "cache")),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    last = json.loads(run.stdout.splitlines()[-1])
    assert run.returncode == 0, last
    trained: dict[str, Any] = last["trained"]
    return trained


def test_what_the_report_says_is_what_a_server_answers(tmp_path):
    trained = train(tmp_path, fill(tmp_path / "photos", 24))
    report = trained["report"]
    unseen = fill(tmp_path / "unseen", 20, first=100)

    with running_backend(tmp_path / "log", "--model", trained["directory"]) as backend, Client(backend.url) as client:
        model = client.model()
        answers = [(path.parent.name, client.predict(path, heat_map=True)) for path in sorted(unseen.glob("*/*.jpg"))]

    right = sum(label == answer.prediction for label, answer in answers) / len(answers)
    # 72 photos on one side and 60 on the other: the two shares may differ by both their errors
    spread = (report["accuracy"]["high"] - report["accuracy"]["low"]) / 2
    assert abs(right - report["accuracy"]["value"]) <= 2 * spread
    assert report["accuracy"]["low"] > report["chance"]
    assert (model.labels, model.question) == (sorted(SHAPES), "Which biscuits is it?")
    assert answers[0][1].heat_map is not None
    assert answers[0][1].heat_map.method == "class_activation"


def test_wrong_labels_are_the_surest_mistakes(tmp_path):
    """Ten of 72 photos lie in another's folder: the twenty mistakes that it is surest of name eight of them; chance, three."""
    photos, chance = fill(tmp_path / "photos", 24), random.Random(1)
    wrong = set()
    for path in chance.sample(sorted(photos.glob("*/*.jpg")), 10):
        other = photos / chance.choice([shape for shape in SHAPES if shape != path.parent.name])
        wrong.add(f"{other.name}/of-{path.parent.name}-{path.name}")
        path.rename(other / f"of-{path.parent.name}-{path.name}")

    report = train(tmp_path, photos)["report"]

    surest = {mistake["name"] for mistake in report["mistakes"][:20]}
    assert len(wrong & surest) >= 8


def test_a_second_training_looks_at_no_photo_again(tmp_path):
    photos = fill(tmp_path / "photos", 8)
    train(tmp_path, photos)
    biscuit(SHAPES[0], 900).save(photos / SHAPES[0] / "new.jpg")
    (photos / SHAPES[1] / "broken.jpg").write_bytes(b"no photo")

    report = train(tmp_path, photos, "--replace")["report"]

    assert report["photos"] == 8 * len(SHAPES) + 1
    assert [(unread["name"]) for unread in report["left_out"]] == [f"{SHAPES[1]}/broken.jpg"]
