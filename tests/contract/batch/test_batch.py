"""`sightserve batch` as its user runs it: real slots, real files."""

import csv
import json
import os
import subprocess
import sys
import time

import pytest
from tests import archive
from tests.batches import QUICK, batch, rows, shards, started
from tests.processes import clean_environment


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


@pytest.mark.slow
def test_an_answer_is_that_of_classify(tmp_path):
    archive.make(tmp_path / "in", 24, broken=False)
    batch(tmp_path / "in", tmp_path / "out")

    command = [sys.executable, "-m", "sightserve", "classify", "--json", str(tmp_path / "in")]
    run = subprocess.run(command, capture_output=True, check=True, env=clean_environment(**QUICK))

    told = [json.loads(line) for line in run.stdout.splitlines()]
    found = rows(tmp_path / "out").to_dict("records")
    assert [row["label"] for row in found] == [answer["prediction"] for answer in told]
    assert [row["probability"] for row in found] == pytest.approx([answer["probability"] for answer in told], abs=1e-6)


@pytest.mark.slow
def test_another_model_other_settings_or_other_photos_are_another_job(tmp_path):
    archive.make(tmp_path / "in", 8)
    archive.make(tmp_path / "others", 8)
    batch(tmp_path / "in", tmp_path / "out")

    assert "another place" in batch(tmp_path / "in", tmp_path / "out", "--model", "accurate", code=1)
    assert "--top-k 5, not --top-k 1" in batch(tmp_path / "in", tmp_path / "out", "-k", "1", code=1)
    assert f"not photos from {tmp_path / 'others'}" in batch(tmp_path / "others", tmp_path / "out", code=1)


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
