"""One training as the page sees it, with a child that knows its outcome beforehand."""

import os
import threading
import time
from pathlib import Path

import pytest
from tests.unit.frontend.teach.conftest import FAKE

from sightserve.frontend.teach.told import read
from sightserve.frontend.teach.training import State, Training, Wanted


@pytest.fixture
def wanted(collection, monkeypatch, tmp_path):
    monkeypatch.setenv("FAKE_TRAIN_MODELS", str(tmp_path / "models"))
    for group in collection.groups:
        for number in range(5):
            collection.add(group, "a.jpg", f"{group.name}{number}".encode())
    return Wanted("apples", collection.snapshot(), subject="apples")


def begun(wanted, turns=None):
    training = Training(wanted, turns or threading.Semaphore(1), FAKE)
    training.start()
    return training


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_a_training_tells_what_became_of_it(wanted, tmp_path):
    training = begun(wanted)
    until(lambda: training.is_over)

    assert training.state is State.DONE
    assert training.notes == ["It went well"]
    assert training.trained.directory == tmp_path / "models" / "apples"
    told = read(training.trained.report)
    assert told is not None
    assert told.headline() == "Right on 9 of 10 photos it had not seen (80 to 100 %)"
    assert told.mistakes[0].name in wanted.photos.photos


@pytest.mark.parametrize(
    ("happens", "words"), [("error", "your photos: nothing can be learned from this"), ("crash", "without saying why")]
)
def test_one_that_failed_says_why(wanted, monkeypatch, happens, words):
    monkeypatch.setenv("FAKE_TRAIN", happens)

    training = begun(wanted)
    until(lambda: training.is_over)

    assert training.state is State.FAILED
    assert words in training.problem


def test_the_second_waits_for_its_turn_and_both_can_be_stopped(wanted, monkeypatch):
    monkeypatch.setenv("FAKE_TRAIN", "wait")
    turns = threading.Semaphore(1)
    first = begun(wanted, turns)
    until(lambda: first.progress.of == 10)

    second = begun(wanted, turns)
    second.close()
    until(lambda: second.is_over)
    first.close()
    until(lambda: first.is_over)

    assert (first.progress.words, first.progress.done) == ("Looking at photos", 3)
    assert first.state is second.state is State.STOPPED
    assert turns.acquire(blocking=False)


def test_a_stopped_one_leaves_no_process(wanted, monkeypatch):
    monkeypatch.setenv("FAKE_TRAIN", "wait")
    training = begun(wanted)
    until(lambda: training.progress.of == 10)
    children = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_of(path, wanted)]

    training.close()
    until(lambda: training.is_over)

    assert len(children) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


def _is_of(process, wanted):
    try:
        return str(wanted.photos.folder).encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("report", [{}, {"accuracy": 1}, {"labels": None}, {"accuracy": {"value": 7}}])
def test_a_report_that_is_none_is_not_read(report):
    assert read(report) is None
