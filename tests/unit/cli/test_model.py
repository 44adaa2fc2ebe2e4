"""`sightserve model`: list, show, check and remove, as a user types them."""

import json
import os
import subprocess
import sys

import pytest
from tests import networks
from typer.testing import CliRunner, Result

from sightserve.bundle.manifest import EMBEDDED
from sightserve.cli.main import application

TRIED = {
    "facts": [{"what": "labels", "value": "3: red, green, blue", "source": "names in the file's metadata"}],
    "photos": 40,
    "same_first": 1.0,
    "largest_difference": 1e-6,
    "candidates": [
        {"variant": "float32", "agreement": 1, "speed": 1, "size_bytes": 4_000_000, "kept": False, "why": "as it was"},
        {
            "variant": "static",
            "agreement": 0.99,
            "speed": 2.1,
            "size_bytes": 1_000_000,
            "kept": True,
            "why": "the same",
        },
    ],
    "notes": ["compared on 20 photos"],
}


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("SIGHTSERVE_MODELS_DIR", str(folder))
    monkeypatch.setenv("SIGHTSERVE_CPUS", "1")
    return folder


def model(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(application(["model"]), ["model", *words], input=typed)


def test_list_names_what_is_embedded_and_what_was_added(models):
    networks.write(models / "apples", provenance=TRIED)
    (broken := models / "pears").mkdir()
    (broken / "manifest.json").write_text("{")
    (models / ".apples.half").mkdir()

    done = model("list")

    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
    assert list(rows) == [*EMBEDDED, "apples", "pears"]
    assert "embedded" in rows["fast"]
    assert "int8, static" in rows["apples"]
    assert f"squash, {networks.SIDE} x {networks.SIDE}, bilinear" in rows["apples"]
    assert rows["apples"].rstrip().endswith(str(models / "apples"))  # in one line: in a pipe none is broken
    assert "broken: " in rows["pears"]
    told = {each["name"]: each for each in json.loads(model("list", "--json").stdout)}
    assert (told["apples"]["classes"], told["apples"]["embedded"]) == (3, False)
    assert "manifest" in told["pears"]["problem"]


def test_show_says_what_is_known_and_from_where(models):
    directory = networks.write(models / "apples", provenance=TRIED, license="MIT")

    by_name, by_directory = model("show", "apples"), model("show", str(directory))

    assert by_name.exit_code == 0, by_name.output
    assert by_name.stdout == by_directory.stdout
    for words in ("names in the file's metadata", "MIT", "2.10 x", "kept: the same", "note: compared on 20 photos"):
        assert words in by_name.stdout
    assert json.loads(model("show", "apples", "--json").stdout)["provenance"]["photos"] == 40


def test_show_of_an_embedded_model_has_its_accuracy(models):
    done = model("show", "accurate")

    assert "1,000, one is right (softmax)" in done.stdout
    assert "accuracy" in done.stdout


def test_what_a_stranger_wrote_steers_no_terminal(models):
    """A bundle may come from anybody."""
    networks.write(
        models / "apples", description="\x1b]0;owned\x07\x1b[2J", provenance=TRIED | {"notes": ["a\x1b[31m"]}
    )

    for words in (["list"], ["show", "apples"], ["list", "--json"], ["show", "apples", "--json"]):
        output = model(*words).output
        assert "\x1b" not in output
        assert "\x07" not in output
    assert "\\x1b]0;owned\\x07" in model("show", "apples").stdout


@pytest.mark.parametrize("command", ["show", "check", "remove"])
def test_a_model_that_there_is_not_is_said_to_be_none(models, command):
    done = model(command, "plums")

    assert done.exit_code == 2
    assert "plums" in done.stderr


def test_remove_asks_first(models):
    directory = networks.write(models / "apples")

    assert model("remove", "apples", typed="n\n").exit_code == 1
    assert directory.is_dir()
    done = model("remove", "apples", typed="y\n")
    assert done.exit_code == 0
    assert str(directory) in done.stdout
    assert not directory.exists()


def test_remove_takes_a_model_away_that_cannot_be_read(models):
    (models / "pears").mkdir()

    assert model("remove", "pears", "--yes").exit_code == 0
    assert list(models.iterdir()) == []


def test_remove_takes_a_link_and_leaves_what_it_leads_to(models, tmp_path):
    elsewhere = networks.write(tmp_path / "elsewhere")
    (models / "apples").symlink_to(elsewhere)

    done = model("remove", "apples", "--yes")

    assert done.exit_code == 0, done.output
    assert (elsewhere / "manifest.json").is_file()
    assert not (models / "apples").is_symlink()


@pytest.mark.parametrize(
    "name", ["accurate", "fast", ".", "..", "../elsewhere", "/", "", "apples/", "./apples", "APPLES"]
)
def test_remove_touches_nothing_but_what_was_added(models, tmp_path, name):
    kept = networks.write(tmp_path / "elsewhere"), networks.write(models / "apples")

    done = model("remove", name, "--yes")

    assert done.exit_code == 2, done.output
    assert all((directory / "manifest.json").is_file() for directory in kept)
    assert "apples" in done.stderr or name in done.stderr


def test_remove_leaves_a_file_that_nobody_added(models):
    (models / "notes").write_text("mine")

    assert model("remove", "notes", "--yes").exit_code == 2
    assert (models / "notes").read_text() == "mine"


def test_check_says_what_the_model_takes_and_what_a_million_photos_cost(models):
    networks.write(models / "apples")

    done = model("check", "apples")

    assert done.exit_code == 0, done.output
    for words in ("photos a second", "cold start", "a million photos", "$", "list prices of"):
        assert words in done.stdout


def test_check_of_a_broken_model_fails_in_a_sentence(models):
    networks.write(models / "logits", model=networks.network(ending="logits"))

    done = model("check", "logits")

    assert done.exit_code == 1
    assert "softmax" in done.stderr
    assert "Traceback" not in done.output


def test_check_of_a_folder_without_photos_is_a_mistake(models, tmp_path):
    networks.write(models / "apples")

    assert model("check", "apples", "--photos", str(tmp_path / "nowhere")).exit_code == 2


@pytest.mark.slow
def test_check_in_json_has_the_cost_and_how_it_came_about(models):
    networks.write(models / "apples")

    told = json.loads(model("check", "apples", "--json").stdout)

    assert told["classes"] == 3
    rate = told["photos_per_second"] / told["slots"]
    cost = told["million"]
    # a million photos at the rate of two vCPUs that are 60 % busy; prices a second as Cloud Run lists them
    seconds = 1e6 / (rate * cost["vcpu"] * cost["busy"])
    assert cost["dollars"] == pytest.approx(seconds * (cost["vcpu"] * 0.000024 + cost["gib"] * 0.0000025) + 0.40)


@pytest.mark.parametrize("words", [["list"], ["show", "apples"], ["remove", "apples", "--yes"]])
def test_what_reads_manifests_alone_needs_no_extra(models, words):
    networks.write(models / "apples")
    blocked = (
        "import sys; sys.modules.update(dict.fromkeys(['onnx', 'onnxruntime', 'numpy', 'PIL', 'pydantic_settings']));"
    )

    done = subprocess.run(
        [sys.executable, "-c", blocked + "from sightserve.cli.main import main; main()", "model", *words],
        env=os.environ | {"SIGHTSERVE_MODELS_DIR": str(models)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_check_says_what_to_install(models):
    networks.write(models / "apples")

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['numpy'] = None; from sightserve.cli.main import main; main()",
            "model",
            "check",
            "apples",
        ],
        env=os.environ | {"SIGHTSERVE_MODELS_DIR": str(models)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "extra 'backend'" in done.stderr
    assert "Traceback" not in done.stderr
