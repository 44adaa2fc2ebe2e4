"""A model by its name, its folder, or a name that is none, on every command that takes one."""

import json
import re
import urllib.request

import numpy as np
import pytest
from tests.conftest import SAMPLES
from tests.contract.test_cli import sightserve_
from tests.models import write_bundle
from tests.own_models import write_own
from tests.processes import running_backend

PHOTO = str(SAMPLES / "espresso.jpg")


@pytest.fixture
def models(tmp_path):
    """A folder of added models, with one in it."""
    write_bundle(tmp_path / "models" / "my-model")
    return tmp_path / "models"


@pytest.mark.parametrize("command", [("up",), ("serve",), ("classify", PHOTO)])
@pytest.mark.parametrize("name", ["nowhere", "a" * 300, "../my-model/x"])
def test_a_name_that_is_none_ends_the_command_with_those_that_are(models, command, name):
    run = sightserve_(*command, "--model", name, SIGHTSERVE_MODELS_DIR=str(models))

    assert run.returncode in {1, 2}
    assert f"{name} is neither a directory nor the name of a model (accurate, fast, my-model)" in run.stderr
    assert "Traceback" not in run.stderr
    assert "ended unexpectedly" not in run.stderr


@pytest.mark.parametrize("chosen", ["my-model", "{models}/my-model"])
def test_a_model_that_was_added_goes_by_its_name_or_its_folder(models, chosen):
    words = ("--model", chosen.format(models=models), "--top-k", "1", "--json")

    run = sightserve_("classify", PHOTO, *words, SIGHTSERVE_MODELS_DIR=str(models))

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["model"]["name"] == "always-last"


def test_the_greeting_and_the_documentation_are_of_the_model_that_answers(tmp_path):
    labels = ["sky", "water", "night"]
    model = write_own(tmp_path / "scene", labels, independent=True, page={"title": "<Scenes>"}, name="*scene*")
    with running_backend(tmp_path / "log", "--model", str(model)) as backend:
        greeting, openapi = (read_json(backend.url + path) for path in ("/", "/openapi.json"))
        with urllib.request.urlopen(backend.url + "/docs") as response:
            page = response.read().decode()

    assert greeting["message"].startswith("Welcome to <Scenes>.")
    assert greeting["model"] == {"name": "*scene*", "version": "1", "outputs": "independent"}
    assert openapi["info"]["title"] == "<Scenes>"
    assert r"**\*scene\* 1** knows 3, of which several may apply, or none" in openapi["info"]["description"]
    assert "<title>&lt;Scenes&gt;</title>" in page


def test_on_the_command_line_all_labels_that_apply_are_named(tmp_path):
    weights = np.array([[8, 8, -8], [0, 0, 0], [0, 0, 0], [0, 0, 0]], float)
    model = write_own(tmp_path / "scene", ["warm", "red", "blue"], independent=True, weights=weights)
    none = write_own(tmp_path / "none", ["night", "snow"], independent=True, weights=np.full((4, 2), -4.0))

    run = sightserve_("classify", PHOTO, PHOTO, "-k", "3", "--model", str(model))
    nothing = sightserve_("classify", PHOTO, "-k", "1", "--model", str(none))

    head, first, _ = run.stdout.splitlines()
    assert head.split("  ")[-1].strip() == "labels that apply, from 50% (then)"
    assert re.search(r"  (warm|red) \d+%, (red|warm) \d+%  \(blue [<\d]+%\)$", first)
    assert "none applies  (night " in nothing.stdout


def read_json(url):
    with urllib.request.urlopen(url) as response:
        return json.load(response)
