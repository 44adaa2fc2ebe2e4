"""What comes in between: a kill, a signal, a slot that dies, a disk that goes; and the job that goes on."""

import os
import shutil
import signal
import time

import pytest
from tests import archive
from tests.batches import batch, rows, shards, started, wait_for
from tests.slots import slots


@pytest.mark.slow
def test_killed_five_times_it_gives_the_same_bytes_as_undisturbed(tmp_path):
    names = archive.make(tmp_path / "in", 1000)
    words = (tmp_path / "in", tmp_path / "killed", "--shard-rows", "50")
    batch(tmp_path / "in", tmp_path / "peace", "--shard-rows", "50")
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
