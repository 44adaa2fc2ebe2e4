"""A slot's process, for real: answers, errors under their own names, death, and what happens when the server dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.processes import clean_environment

from sightserve.api.schema import Prediction
from sightserve.backend.build import load, setup_of
from sightserve.backend.errors import ImageError, ModelLoadError, SlotLost, UnreadableImage, UnsupportedImageType
from sightserve.backend.job import Answer, Job, Plan
from sightserve.backend.scheduler import SlotProcess
from sightserve.backend.settings import Settings
from sightserve.backend.wire import outcome_of


@pytest.fixture
def lock():
    descriptor = os.memfd_create("lock")
    yield descriptor
    os.close(descriptor)


def setup():
    settings = Settings(cpus=1)
    return setup_of(settings, load(settings))


@pytest.fixture
def slot(lock):
    made = SlotProcess(lock)
    made.send_start(setup(), measure=False)
    assert made.receive_plan() == Plan()
    yield made
    made.kill()
    made.close()


def test_jobs_that_run_together_get_their_answers_and_errors_in_order(slot, cat, espresso):
    jobs = [Job(espresso, "e.jpg", 1), Job(b"hello"), Job(cat[:3000]), Job(cat, "c.jpg", 2, True)]

    first, text, cut, last = slot.execute(jobs, [0.1, 0.2, 0.3, 0.4], False)

    assert isinstance(first, Answer)
    assert isinstance(last, Answer)
    prediction = Prediction.model_validate_json(last.body)
    assert Prediction.model_validate_json(first.body).prediction == "espresso"
    assert (prediction.filename, len(prediction.top_k), len(prediction.probabilities or [])) == ("c.jpg", 2, 1000)
    assert prediction.timing_ms.queue == 400
    assert (last.queue, first.queue) == (0.4, 0.1)
    assert isinstance(text, UnsupportedImageType)
    assert isinstance(cut, UnreadableImage)


def test_a_process_that_dies_is_an_error_of_the_job_it_worked_on(slot, cat):
    os.kill(slot.pid, signal.SIGKILL)

    with pytest.raises(SlotLost):
        slot.execute([Job(cat)], [0.0], False)


def test_a_process_that_hangs_can_be_killed_from_another_thread(slot, cat):
    os.kill(slot.pid, signal.SIGSTOP)
    threading.Timer(0.2, slot.kill).start()

    with pytest.raises(SlotLost):
        slot.execute([Job(cat)], [0.0], False)


def test_a_signal_to_the_whole_group_does_not_end_it(slot, espresso):
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(slot.pid, number)

    (answer,) = slot.execute([Job(espresso)], [0.0], False)

    assert isinstance(answer, Answer)


def test_a_model_that_cannot_be_loaded_is_said(lock, tmp_path):
    """Somebody may replace the file between the server's look at it and the slot's: its checksum goes along."""
    (tmp_path / "model.onnx").write_bytes(b"another model")
    slot = SlotProcess(lock)
    slot.send_start(replace(setup(), model=str(tmp_path / "model.onnx")), measure=False)

    with pytest.raises(ModelLoadError, match=r"model\.onnx is not the file"):
        slot.receive_plan()

    slot.close()


def test_no_process_outlives_its_server():
    """The server is killed without a chance to say goodbye: its slot reads the end of the connection and ends."""
    code = (
        "import os, time; from sightserve.backend.scheduler import SlotProcess; "
        "from sightserve.backend.build import load, setup_of; from sightserve.backend.settings import Settings; "
        "setup = setup_of(Settings(cpus=1), load(Settings())); "
        "slot = SlotProcess(os.memfd_create('lock')); slot.send_start(setup, measure=False); "
        "slot.receive_plan(); print(slot.pid, flush=True); time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=clean_environment())
    assert server.stdout is not None
    pid = int(server.stdout.readline())

    server.kill()
    server.wait()
    server.stdout.close()

    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether there is such a process; one that has ended and waits for its parent to look has no program any more."""
    try:
        return bool(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return False


@pytest.mark.parametrize("name", ["KeyError", "BackendError", "ModelOutputError", "nonsense", "ErrorCode"])
def test_an_error_that_is_not_the_callers_becomes_one_of_ours(name):
    """A slot that a hostile image has taken over can name what it likes: only image errors reach the caller as such."""
    outcome = outcome_of({"error": name, "detail": "insides"})

    assert not isinstance(outcome, ImageError | Answer)
