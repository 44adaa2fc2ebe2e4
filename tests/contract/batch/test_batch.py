"""`sightserve batch` as its user runs it: real slots, real files, and everything that comes in between."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests import archive
from tests.processes import clean_environment
from tests.slots import slots

QUICK = {"SIGHTSERVE_MODEL": "fast"}


def started(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sightserve", "batch", *map(str, words)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(**QUICK | environment),
    )


def batch(*words: str | Path, code: int = 0, **environment: str) -> str:
    """Run it to its end and return what it says."""
    process = started(*words, **environment)
    out, err = process.communicate(timeout=150)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    return out + err


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def rows(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out)  # the folder, as everybody reads it


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_photo_has_its_row_and_what_is_none_has_its_reason(tmp_path):
    names = archive.make(tmp_path / "in", 130)
    (tmp_path / "in" / "notes.txt").write_text("no photo by its name")

    said = batch(tmp_path / "in", tmp_path / "out", "--shard-rows", "50", "--top-k", "3")

    found = rows(tmp_path / "out")
    assert found["path"].tolist() == names
    assert list(shards(tmp_path / "out")) == [f"part-0000{n}.parquet" for n in range(3)]
    broken = [archive.is_broken(number) for number in range(130)]
    assert (found["status"] == "error").tolist() == broken
    assert set(found["error_code"].dropna()) == {"unsupported_image_type", "unreadable_image", "too_many_pixels"}
    good = found[found["status"] == "ok"]
    assert good["label"].nunique() >= 5
    assert (good["probability_1"] >= good["probability_2"]).all()
    assert "label_4" not in found
    assert "complete: 130 of 130 photos · 100%" in said
    assert f"{sum(broken)} errors" in said

    before, began = shards(tmp_path / "out"), time.monotonic()
    assert "complete: 130 photos" in batch(tmp_path / "in", tmp_path / "out", "--shard-rows", "50", "--top-k", "3")
    assert time.monotonic() - began < 20
    assert shards(tmp_path / "out") == before

    told = json.loads(batch("--summary", "--json", tmp_path / "out"))
    assert (told["complete"], told["photos"], sum(told["errors"].values())) == (True, 130, sum(broken))
    assert sum(told["labels"].values()) + told["unsure"] + sum(broken) == 130
    in_words = batch("--summary", tmp_path / "out")
    assert "130 photos in 3 shards by efficientnet" in in_words
    assert "too_many_pixels" in in_words


def test_an_answer_is_that_of_classify(tmp_path):
    archive.make(tmp_path / "in", 24, broken=False)
    batch(tmp_path / "in", tmp_path / "out")

    command = [sys.executable, "-m", "sightserve", "classify", "--json", str(tmp_path / "in")]
    run = subprocess.run(command, capture_output=True, check=True, env=clean_environment(**QUICK))

    told = [json.loads(line) for line in run.stdout.splitlines()]
    found = rows(tmp_path / "out").to_dict("records")
    assert [row["label"] for row in found] == [answer["prediction"] for answer in told]
    assert [row["probability"] for row in found] == pytest.approx([answer["probability"] for answer in told], abs=1e-6)


def test_another_model_other_settings_or_other_photos_are_another_job(tmp_path):
    archive.make(tmp_path / "in", 8)
    archive.make(tmp_path / "others", 8)
    batch(tmp_path / "in", tmp_path / "out")

    assert "another place" in batch(tmp_path / "in", tmp_path / "out", "--model", "accurate", code=1)
    assert "--top-k 5, not --top-k 1" in batch(tmp_path / "in", tmp_path / "out", "-k", "1", code=1)
    assert f"not photos from {tmp_path / 'others'}" in batch(tmp_path / "others", tmp_path / "out", code=1)


@pytest.mark.slow
def test_killed_five_times_it_gives_the_same_bytes_as_undisturbed(tmp_path):
    names = archive.make(tmp_path / "in", 2000, of_folder=100)
    words = (tmp_path / "in", tmp_path / "killed", "--shard-rows", "100")
    batch(tmp_path / "in", tmp_path / "peace", "--shard-rows", "100")
    peace = shards(tmp_path / "peace")

    for turn in range(5):
        process = started(*words)
        done = len(shards(tmp_path / "killed"))
        wait_for(lambda: len(shards(tmp_path / "killed")) > done or process.poll() is not None)  # noqa: B023
        time.sleep((0.0, 0.11, 0.29, 0.05, 0.2)[turn])
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was through before it was killed"

    batch(*words)

    assert shards(tmp_path / "killed") == peace
    found = rows(tmp_path / "killed")
    assert found["path"].tolist() == names
    assert not list((tmp_path / "killed").rglob("*.unfinished"))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_told_to_stop_it_stops_says_so_and_goes_on(tmp_path, number, code):
    archive.make(tmp_path / "in", 240)
    words = (tmp_path / "in", tmp_path / "out", "--shard-rows", "40", "--workers", "1")
    process = started(*words)
    wait_for(lambda: len(shards(tmp_path / "out")) >= 1)

    process.send_signal(number)
    _, err = process.communicate(timeout=20)

    assert process.returncode == code
    assert "stopped: " in err
    assert "Run the same again to go on" in err
    assert "Traceback" not in err
    assert len(shards(tmp_path / "out")) < 6
    batch(tmp_path / "in", tmp_path / "out", "--shard-rows", "40")  # with another number of workers
    batch(tmp_path / "in", tmp_path / "peace", "--shard-rows", "40")
    assert shards(tmp_path / "out") == shards(tmp_path / "peace")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_slot_that_dies_or_hangs_costs_no_row(tmp_path, number):
    archive.make(tmp_path / "in", 240)
    process = started(tmp_path / "in", tmp_path / "out", "--shard-rows", "60", SIGHTSERVE_HANG_TIMEOUT="2")
    wait_for(lambda: len(shards(tmp_path / "out")) >= 1)
    at_work = slots(process.pid)
    assert at_work
    for pid in at_work:
        os.kill(pid, number)

    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    batch(tmp_path / "in", tmp_path / "peace", "--shard-rows", "60")
    assert shards(tmp_path / "out") == shards(tmp_path / "peace")


@pytest.mark.slow
def test_errors_are_asked_again_and_nothing_else(tmp_path):
    names = archive.make(tmp_path / "in", 120)
    batch(tmp_path / "in", tmp_path / "out", "--shard-rows", "50")
    before = shards(tmp_path / "out")
    for number, name in enumerate(names[:100]):
        if archive.is_broken(number):
            (tmp_path / "in" / name).unlink()
    archive.make(tmp_path / "good", 120, broken=False)
    for number, name in enumerate(names[:50]):
        if archive.is_broken(number):
            os.link(tmp_path / "good" / name, tmp_path / "in" / name)

    said = batch(tmp_path / "in", tmp_path / "out", "--shard-rows", "50", "--retry-errors")

    after = shards(tmp_path / "out")
    found = rows(tmp_path / "out")
    assert found["path"].tolist() == names
    assert (found["status"] == "error").sum() == 3
    assert found["error_code"].dropna().tolist() == ["file_not_found", "file_not_found", "unsupported_image_type"]
    assert after["part-00002.parquet"] == before["part-00002.parquet"]
    assert "3 errors" in said


@pytest.mark.slow
def test_a_csv_for_a_spreadsheet(tmp_path):
    archive.make(tmp_path / "in", 20)
    (tmp_path / "in" / "=cmd.jpg").write_bytes(b"no photo")

    batch(tmp_path / "in", tmp_path / "out", "--format", "csv")

    with (tmp_path / "out" / "part-00000.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 21
    assert found[-1]["path"] == "'=cmd.jpg"
    assert json.loads(batch("--summary", "--json", tmp_path / "out"))["errors"]


@pytest.mark.slow
def test_a_place_that_takes_no_answers_ends_it_with_words_and_it_goes_on(tmp_path):
    names = archive.make(tmp_path / "in", 300)
    words = (tmp_path / "in", tmp_path / "out", "--shard-rows", "100")
    blocking = tmp_path / "out" / "part-00001.parquet" / "x"
    blocking.mkdir(parents=True)

    assert f"{tmp_path / 'out'} cannot be used: Is a directory. Nothing that is done is lost" in batch(*words, code=1)

    shutil.rmtree(blocking.parent)
    batch(*words)
    assert rows(tmp_path / "out")["path"].tolist() == names


@pytest.mark.slow
def test_two_at_once_in_one_place_are_one_too_many(tmp_path):
    archive.make(tmp_path / "in", 400)
    first = started(tmp_path / "in", tmp_path / "out", "--shard-rows", "100")
    wait_for(lambda: len(shards(tmp_path / "out")) >= 1)

    assert "another run is at work in" in batch(tmp_path / "in", tmp_path / "out", "--shard-rows", "100", code=1)

    first.communicate(timeout=60)
    assert first.returncode == 0


@pytest.mark.slow
def test_photos_that_all_go_at_once_are_a_disk_that_was_unplugged(tmp_path):
    archive.make(tmp_path / "in", 400)
    words = (tmp_path / "in", tmp_path / "out", "--shard-rows", "100")
    process = started(*words)
    wait_for(lambda: len(shards(tmp_path / "out")) >= 1)
    (tmp_path / "in").rename(tmp_path / "unplugged")

    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert str(tmp_path / "in") in err
    assert "again" in err
    (tmp_path / "unplugged").rename(tmp_path / "in")
    batch(*words)
    assert "file_not_found" not in set(rows(tmp_path / "out")["error_code"].dropna())


@pytest.mark.slow
def test_one_photo_that_goes_is_one_row_and_one_that_comes_is_none(tmp_path):
    names = archive.make(tmp_path / "in", 300, broken=False)
    words = (tmp_path / "in", tmp_path / "out", "--shard-rows", "100", "--workers", "1")
    process = started(*words)
    wait_for(lambda: (tmp_path / "out" / "_job" / "listed.json").exists() and len(shards(tmp_path / "out")) >= 1)
    process.kill()
    process.communicate()
    (tmp_path / "in" / names[250]).unlink()
    os.link(tmp_path / "in" / names[0], tmp_path / "in" / "000" / "AAA.jpg")

    batch(*words)

    found = rows(tmp_path / "out")
    assert found["path"].tolist() == names
    assert found["error_code"].dropna().to_dict() == {250: "file_not_found"}


@pytest.mark.slow
def test_progress_as_json(tmp_path):
    archive.make(tmp_path / "in", 500, of_folder=100)

    lines = batch(tmp_path / "in", tmp_path / "out", "--json", "--workers", "1").splitlines()

    told = [json.loads(line) for line in lines]
    assert [entry["event"] for entry in told][-1] == "complete"
    assert told[0]["event"] == "progress"
    assert told[-1]["done"] == told[-1]["found"] == 500
    assert 0 < told[0]["done"] < 500
    assert told[0]["seconds_left"] > 0


@pytest.mark.slow
def test_a_listing_in_any_order_gives_the_same_bytes(tmp_path):
    names = archive.make(tmp_path / "in", 130)
    (tmp_path / "in" / "list.txt").write_text("\n".join(names))
    (tmp_path / "in" / "turned.txt").write_text("\n".join([*reversed(names), names[3], names[100]]))

    batch(tmp_path / "in" / "list.txt", tmp_path / "a", "--shard-rows", "50")
    batch(tmp_path / "in" / "turned.txt", tmp_path / "b", "--shard-rows", "50")
    batch(tmp_path / "in", tmp_path / "c", "--shard-rows", "50")

    assert shards(tmp_path / "a") == shards(tmp_path / "b") == shards(tmp_path / "c")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere", "out"], "nowhere"),
        (["empty", "out"], "--every-file"),
        (["empty"], "say where the answers go"),
        (["empty", "empty/out", "--every-file"], "would be taken for photos"),
        (["--summary", "empty"], "no job in"),
        (["empty", "out", "--model", "none-such"], "none-such"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, words, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("x")
    places = [word if word.startswith("--") or word == "none-such" else str(tmp_path / word) for word in words]

    process = started(*places)
    _, err = process.communicate(timeout=60)

    assert process.returncode in {1, 2}
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3
