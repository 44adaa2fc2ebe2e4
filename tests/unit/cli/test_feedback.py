"""`sightserve feedback`, as a user types it."""

import csv
import json

import pytest
from tests.feedback import predicted, said
from typer.testing import CliRunner, Result

from sightserve.cli.main import application
from sightserve.feedback.corrected import corrected
from sightserve.feedback.database_recorder import DatabaseRecorder

PHOTO = b"\xff\xd8 a JPEG"


def feedback(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(application(["feedback"]), ["feedback", *words], input=typed)


@pytest.fixture
def url(tmp_path, monkeypatch):
    address = f"sqlite:///{tmp_path}/feedback.db"
    monkeypatch.setenv("SIGHTSERVE_FEEDBACK_DATABASE", address)
    return address


@pytest.fixture
def kept(url):
    """Four answers from November 2026, of which three were judged; returns them."""
    recorder = DatabaseRecorder(url, 36500, environment={})
    answers = [predicted("tabby", 0.9, key=f"-id{number}") for number in range(4)]
    for each in answers:
        recorder.predicted(each)
    recorder.judged(said(answers[0], "right", photo=PHOTO))
    recorder.judged(said(answers[1], "wrong", "../con", photo=PHOTO, note="=1+1"))
    recorder.judged(said(answers[2], "wrong", "lynx\x1b[2J")).result(5)
    recorder.close(5)
    return answers


def test_stats_say_how_right_it_was_and_steer_no_terminal(kept):
    done = feedback("stats")

    assert done.exit_code == 0, done.output
    assert "4 answers, of which 3 were judged" in done.stdout
    assert "right: 33.3% (6.1% to 79.2%)" in done.stdout
    assert "lynx\\x1b[2J" in done.stdout
    assert "2026-W48" in done.stdout


def test_stats_as_json_of_one_model(kept):
    facts = json.loads(feedback("stats", "--json", "--model", "cats").stdout)

    assert (facts["predictions"], facts["judged"]["of"], facts["weeks"][0]["predictions"]) == (4, 3, 4)
    assert json.loads(feedback("stats", "--json", "--model", "dogs").stdout)["predictions"] == 0


def test_a_folder_is_ready_for_training_whatever_the_labels_are(kept, tmp_path):
    done = feedback("export", "--to", "folder", str(tmp_path / "out"))

    assert done.exit_code == 0, done.output
    files = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*g"))
    assert [(file.parts[0][:5], file.parts[1]) for file in files] == [("_con-", "-id1.jpg"), ("tabby", "-id0.jpg")]
    assert "empty folder" in feedback("export", "--to", "folder", str(tmp_path / "out")).stderr


def test_a_table_has_all_that_was_judged_and_no_formula(kept, tmp_path):
    feedback("export", "--to", "csv", str(tmp_path / "out.csv"))

    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["verdict"], row["note"], row["photo"]) for row in rows] == [
        ("'-id0", "right", "", "True"),
        ("'-id1", "wrong", "'=1+1", "True"),
        ("'-id2", "wrong", "", "False"),
    ]


def test_tasks_for_label_studio_name_their_photos(kept, tmp_path):
    feedback("export", "--to", "label-studio", str(tmp_path / "out"))

    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=photos/-id1.jpg"
    assert tasks[1]["predictions"][0]["result"][0]["value"] == {"choices": ["tabby"]}
    assert tasks[1]["annotations"][0]["result"][0]["value"] == {"choices": ["../con"]}
    assert (tmp_path / "out" / "photos" / "-id1.jpg").read_bytes() == PHOTO
    assert '<Choice value="tabby"/>' in (tmp_path / "out" / "config.xml").read_text()


def test_forget_and_purge_delete_what_they_say(kept, url):
    assert "deleted -id0" in feedback("forget", "--", "-id0").stdout
    assert feedback("forget", "--", "-id0").exit_code == 1
    assert [each.label for each in corrected(url)] == ["../con"]

    assert feedback("purge", "--before", "2026-11-24", typed="n\n").exit_code == 1
    assert "deleted 3 answers" in feedback("purge", "--before", "2026-11-24", "--yes").stdout
    assert "deleted 0 answers" in feedback("purge", "--before", "2026-11-24").stdout
    assert not list(corrected(url))


def test_a_database_that_is_none_is_said_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.delenv("SIGHTSERVE_FEEDBACK_DATABASE", raising=False)

    assert "SIGHTSERVE_FEEDBACK_DATABASE" in feedback("stats").stderr
    assert "there is no file" in feedback("stats", "--database", f"sqlite:///{tmp_path}/other.db").stderr
    away = feedback("stats", "--database", "postgresql://me:secret@127.0.0.1:1/x")
    assert (away.exit_code, "does not answer" in away.stderr, "secret" in away.output) == (1, True, False)
    assert not list(tmp_path.iterdir())
