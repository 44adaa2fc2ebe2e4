"""`sightserve train` as people and programs use it, on apples that are drawn."""

import io
import json
import random
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from tests import apples
from tests.contract.test_cli import sightserve_
from tests.contract.test_terminal import on_a_terminal
from tests.feedback import predicted, said
from tests.processes import clean_environment
from typer.testing import CliRunner

from sightserve.bundle.manifest import load_bundle
from sightserve.cli.main import application
from sightserve.deploy.model import read_model
from sightserve.feedback.database_recorder import DatabaseRecorder
from sightserve.training.facts import Report

pytestmark = pytest.mark.slow

COUNT = 12


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Photos, and the environment of a user who keeps models and caches elsewhere."""
    folder = tmp_path_factory.mktemp("train")
    apples.draw(folder / "photos", COUNT)
    apples.set_traps(folder / "photos")
    own = {"SIGHTSERVE_MODELS_DIR": str(folder / "models"), "XDG_CACHE_HOME": str(folder / "cache")}
    return folder / "photos", own


@pytest.fixture(scope="module")
def trained(places):
    """What a program hears of a training: all its lines."""
    photos, own = places
    run = sightserve_(
        "train", str(photos), "--name", "apples", "--base", "fast", "--no-views", "--progress", "json", **own
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run


@pytest.fixture(scope="module")
def result(trained):
    return json.loads(trained.stdout.splitlines()[-1])["trained"]


def test_a_program_hears_how_it_goes_and_at_the_end_what_was_measured(trained, result):
    lines = [json.loads(line) for line in trained.stdout.splitlines()]
    steps = [line for line in lines if "step" in line]
    report = Report.model_validate(result["report"])

    assert all(line.keys() in ({"step", "done", "of"}, {"note"}, {"trained"}) for line in lines)
    assert all(0 <= line["done"] <= line["of"] for line in steps)
    assert any(line["done"] == line["of"] > COUNT for line in steps)
    assert "\x1b" not in trained.stdout
    assert result["name"] == "apples"
    assert report.labels == apples.CLASSES
    assert report.photos == 3 * COUNT + 2
    assert report.accuracy.value > 0.8
    assert [(each.name, "not an image" in each.why) for each in report.left_out] == [("ripe/notes.jpg", True)]


def test_what_lies_in_the_wrong_folder_is_named(result):
    report = Report.model_validate(result["report"])
    mistakes = [(each.name, each.predicted) for each in report.mistakes]

    assert (f"ripe/{apples.HOSTILE}", "unripe") in mistakes
    assert ("ripe/IMG_0000.jpg", "rotten/IMG_9000.jpg") in [each.names for each in report.twins]


def test_it_is_an_ordinary_model_that_knows_the_classes(places, result, tmp_path):
    _, own = places
    directory = Path(result["directory"])
    apples.apple("unripe", random.Random(500)).save(tmp_path / "new.jpg")

    said = sightserve_("classify", str(tmp_path / "new.jpg"), "--model", "apples", **own)
    shown = sightserve_("model", "show", "apples", **own)

    assert load_bundle(directory).labels == apples.CLASSES
    assert "unripe" in said.stdout
    assert "sightserve train" in shown.stdout
    assert re.search(r"(?m)^form +int8, ", shown.stdout)


def test_its_report_lies_beside_it_and_goes_into_no_image(result):
    directory = Path(result["directory"])
    page = (directory / "report.html").read_text()

    assert json.loads((directory / "report.json").read_text()) == result["report"]
    assert page.count("<img ") >= 3
    assert read_model(str(directory), directory.parent) is not None


def test_a_terminal_of_80_columns_shows_what_counts(places, trained, tmp_path):
    photos, own = places
    copy = tmp_path / "copy.html"
    words = ("train", str(photos), "--name", "again", "--base", "fast", "--no-views", "--report", str(copy))

    shown = on_a_terminal(*words, COLUMNS="80", NO_COLOR="1", **own)

    told = shown.partition("Right on")[2]
    assert re.match(r" \d+ of 38 photos it had not seen \(\d+%, \d+ to \d+%\)", told)
    assert max(map(len, told.splitlines())) <= 80
    assert "\x1b" not in told
    assert "ripe/\\x1b[2Junripe.jpg" in told
    assert "sightserve up --model again" in told
    assert shown.endswith("0")
    assert copy.read_text() == (Path(own["SIGHTSERVE_MODELS_DIR"]) / "again" / "report.html").read_text()


def test_corrections_are_learned_from_and_win_over_folders(places, trained, tmp_path):
    """Somebody says of the photo in the wrong folder what it is, and of two others that they are leaves: a new class."""
    photos, own = places
    url = f"sqlite:///{tmp_path}/feedback.db"
    wrong = (photos / "ripe" / apples.HOSTILE).read_bytes()
    leaves = [_jpeg(Image.effect_mandelbrot((64, 64), (-2, -1, 1, 1), quality)) for quality in (20, 60)]
    recorder = DatabaseRecorder(url, 30, None, environment={})
    try:
        for photo, label in ((wrong, "Unripe"), (leaves[0], "leaf"), (leaves[1], "leaf")):
            answer = predicted(image=photo, at=datetime.now(UTC))
            recorder.predicted(answer)
            recorder.judged(said(answer, "wrong", label, photo=photo)).result(10)
    finally:
        recorder.close(5)

    words = ("--name", "corrected", "--base", "fast", "--no-views", "--feedback", url, "--progress", "json")
    run = sightserve_("train", str(photos), *words, **own)

    report = Report.model_validate(json.loads(run.stdout.splitlines()[-1])["trained"]["report"])
    assert report.corrections == 3
    assert {each.label: each.photos for each in report.classes} == {
        "leaf": 2, "ripe": COUNT, "rotten": COUNT + 1, "unripe": COUNT + 1,
    }  # fmt: skip
    assert f"ripe/{apples.HOSTILE}" not in [each.name for each in report.mistakes]


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_it_finds_nothing_left_behind(places, tmp_path, how):
    photos, _ = places
    models = tmp_path / "models"
    own = {"SIGHTSERVE_MODELS_DIR": str(models), "XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "sightserve", "train", str(photos), "--name", "apples", "--progress", "json"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment(**own)) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "Looking" in line)
        process.send_signal(how)
        process.communicate(timeout=30)

    assert process.returncode == 130
    assert list(models.iterdir()) == []
    assert list(tmp_path.glob("sightserve-*")) == []
    assert not _run_by(process.pid)


def _run_by(pid: int) -> list[str]:
    """Return the processes that one has started and that are still there, a moment later."""
    time.sleep(0.5)
    found = subprocess.run(["ps", "-eo", "ppid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if line.split()[0] == str(pid)]


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Return what is said of a training that is not begun."""
    monkeypatch.setenv("SIGHTSERVE_MODELS_DIR", str(tmp_path / "models"))

    def run(*words: str, code: int = 1) -> str:
        done = CliRunner().invoke(application(["train"]), ["train", str(tmp_path / "photos"), *words])
        assert done.exit_code == code, done.output
        assert not [path for path in (tmp_path / "models").glob("*") if path.name.startswith(".")]
        return done.output

    return run


def test_a_name_that_cannot_be_is_refused_at_once(refused):
    assert "comes with Sightserve" in refused("--name", "accurate")
    assert "'../x' cannot be a name" in refused("--name", "../x")
    assert "title" in refused("--name", "x", "--title", "a" * 81)


def test_a_model_that_is_there_stays_unless_it_is_to_be_replaced(refused, tmp_path):
    (tmp_path / "models" / "apples").mkdir(parents=True)

    assert "--replace" in refused("--name", "apples")
    assert "is not there" in refused("--name", "apples", "--replace")
    assert (tmp_path / "models" / "apples").is_dir()


def test_a_program_hears_why_in_json(refused):
    said = json.loads(refused("--name", "accurate", "--progress", "json"))

    assert "comes with Sightserve" in said["error"]


def test_where_nothing_can_be_written_is_said_before_the_work(refused, tmp_path):
    (tmp_path / "models").write_text("a file")

    assert "SIGHTSERVE_MODELS_DIR names another folder" in refused("--name", "apples")
    assert "its folder is not there" in refused("--name", "apples", "--report", f"{tmp_path}/no/x.html", code=2)


def test_what_is_missing_is_named_with_how_to_install_it(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "sklearn", None)

    assert "'.[backend,train]'" in refused("--name", "apples", code=2).replace("\n", "")
