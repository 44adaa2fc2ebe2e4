"""A model by its name, its folder, or a name that is none, on every command that takes one."""

import json

import pytest
from tests.conftest import SAMPLES
from tests.contract.test_cli import sightserve_
from tests.models import write_bundle

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
