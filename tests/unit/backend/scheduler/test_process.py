"""A slot's process, for real: answers, errors under their own names, death, and what happens when the server dies."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from tests.processes import clean_environment

from sightserve.api.schema import Prediction
from sightserve.backend import held
from sightserve.backend.build import load, model_files, setup_of
from sightserve.backend.errors import (
    BackendError,
    ImageError,
    ModelLoadError,
    NeedsMemory,
    SlotLost,
    UnreadableImage,
    UnsupportedImageType,
)
from sightserve.backend.held import Part
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.launch import spawn_slot
from sightserve.backend.messages import outcomes_in
from sightserve.backend.scheduler import SlotProcess
from sightserve.backend.settings import Settings
from sightserve.sandbox import wire
from sightserve.sandbox.process import Child

SECONDS = 20.0


class Model(NamedTuple):
    """What slots start from: the file that they inherit, where what is in it, and how they work."""

    descriptor: int
    parts: tuple[Part, ...]
    setup: Setup


@pytest.fixture
def model():
    settings = Settings(cpus=1)
    bundle = load(settings)
    descriptor = held.reserve()
    yield Model(descriptor, held.fill(descriptor, model_files(bundle)), setup_of(settings, bundle))
    os.close(descriptor)


def started(model: Model, threads_when_alone: int = 1) -> SlotProcess:
    made = SlotProcess(spawn_slot(model.descriptor))
    made.send_start(replace(model.setup, threads_when_alone=threads_when_alone), model.parts, measure=False)
    return made


@pytest.fixture
def slot(model):
    made = started(model)
    plan = made.receive_plan(SECONDS)
    assert plan.batch == Plan().batch
    assert 0 < plan.inference < SECONDS
    yield made
    made.end()


def test_a_lone_request_may_have_more_threads(model, cat):
    made = started(model, threads_when_alone=3)
    made.receive_plan(SECONDS)

    (answer,) = run(made, Job(cat), alone=True)

    made.end()
    assert isinstance(answer, Answer)
    assert Prediction.model_validate_json(answer.body).prediction == "Egyptian cat"


def test_a_slot_calibrates_when_it_is_told_to(model):
    made = SlotProcess(spawn_slot(model.descriptor))
    made.send_start(model.setup, model.parts, measure=True)

    plan = made.receive_plan(SECONDS)

    made.end()
    assert plan.inference != Plan().inference


def test_a_photo_that_needs_more_memory_than_the_slot_may_take_is_not_decoded_but_told(slot, cat):
    """In a batch the others are answered; a size in the header is enough."""
    large = io.BytesIO()
    Image.new("RGB", (2000, 1000)).save(large, "PNG")

    small, needs, last = run(slot, Job(cat), Job(large.getvalue()), Job(cat), room=1_000_000)

    assert isinstance(needs, NeedsMemory)
    assert 2_000_000 <= needs.pixels < 2_200_000  # and a little of its own
    assert isinstance(small, Answer)
    assert isinstance(last, Answer)


def test_a_slot_that_is_not_ready_in_time_is_given_up(model):
    made = started(model)
    os.kill(made.pid, signal.SIGSTOP)

    with pytest.raises(SlotLost, match="within 0 seconds"):
        made.receive_plan(0.2)
    made.end()


class Listener:
    """Listens to a slot as the scheduler does."""

    def __init__(self, slot: SlotProcess) -> None:
        self.ready = asyncio.Event()
        self.outcomes: asyncio.Future[Sequence[Answer | BackendError]] = asyncio.get_running_loop().create_future()
        slot.attach(self.ready.set, self.outcomes.set_result, self.outcomes.set_exception)


def run(
    slot: SlotProcess,
    *jobs: Job,
    waited: float = 0.0,
    alone: bool = False,
    room: int = 10**9,
    then: Callable[[], object] = lambda: None,
) -> Sequence[Answer | BackendError]:
    """Send jobs, do something, and return what the slot makes of them; raise what it is lost with."""

    async def scenario() -> Sequence[Answer | BackendError]:
        listener = Listener(slot)
        slot.send(jobs, [waited] * len(jobs), alone=alone, room=room)
        then()
        try:
            return await asyncio.wait_for(listener.outcomes, 20)
        finally:
            slot.close()

    return asyncio.run(scenario())


def test_jobs_that_run_together_get_their_answers_and_errors_in_order(slot, cat, espresso):
    jobs = [Job(espresso, "e.jpg", 1), Job(b"hello"), Job(cat[:3000]), Job(cat, "c.jpg", 2, True)]

    first, text, cut, last = run(slot, *jobs, waited=0.4)

    assert isinstance(first, Answer)
    assert isinstance(last, Answer)
    prediction = Prediction.model_validate_json(last.body)
    assert Prediction.model_validate_json(first.body).prediction == "espresso"
    assert (prediction.filename, len(prediction.top_k), len(prediction.probabilities or [])) == ("c.jpg", 2, 1000)
    assert 400 < prediction.timing_ms.queue < 400 + 1000  # and for the others, which were worked on before it
    assert min(last.queue, first.queue) >= 0.4
    assert isinstance(text, UnsupportedImageType)
    assert isinstance(cut, UnreadableImage)


def test_a_process_that_dies_is_lost_with_the_job_it_worked_on(slot, cat):
    os.kill(slot.pid, signal.SIGKILL)

    with pytest.raises(SlotLost):
        run(slot, Job(cat))


def test_a_process_that_dies_with_nothing_to_do_is_lost_at_once(slot):
    async def scenario() -> None:
        listener = Listener(slot)
        os.kill(slot.pid, signal.SIGKILL)
        await asyncio.wait_for(listener.outcomes, 10)

    with pytest.raises(SlotLost):
        asyncio.run(scenario())


def test_a_process_that_hangs_can_be_killed(slot, cat):
    os.kill(slot.pid, signal.SIGSTOP)

    with pytest.raises(SlotLost):
        run(slot, Job(cat), then=slot.kill)


def test_a_large_image_does_not_stop_the_loop_while_the_process_does_not_read_it(slot, espresso):
    """30 MiB are more than any socket takes: a send that waited would wait for ever, since only the loop wakes the process."""
    large = Job(espresso + bytes(30 * 2**20))

    async def scenario() -> Sequence[Answer | BackendError]:
        listener = Listener(slot)
        os.kill(slot.pid, signal.SIGSTOP)
        slot.send([large], [0.0], alone=False, room=10**9)
        await asyncio.sleep(0.05)
        os.kill(slot.pid, signal.SIGCONT)
        return await asyncio.wait_for(listener.outcomes, 20)

    (answer,) = asyncio.run(scenario())

    assert isinstance(answer, Answer)
    assert Prediction.model_validate_json(answer.body).prediction == "espresso"


def test_a_signal_to_the_whole_group_does_not_end_it(slot, espresso):
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(slot.pid, number)

    (answer,) = run(slot, Job(espresso))

    assert isinstance(answer, Answer)


def test_a_process_that_starts_while_the_loop_runs_says_when_it_is_ready(model, espresso):
    slot = started(model)

    async def scenario() -> Sequence[Answer | BackendError]:
        listener = Listener(slot)
        await asyncio.wait_for(listener.ready.wait(), 20)
        slot.send([Job(espresso)], [0.0], alone=False, room=10**9)
        return await asyncio.wait_for(listener.outcomes, 20)

    (answer,) = asyncio.run(scenario())

    slot.end()
    assert isinstance(answer, Answer)


def test_a_model_that_cannot_be_loaded_is_said(model):
    descriptor = held.reserve()
    other = model._replace(descriptor=descriptor, parts=held.fill(descriptor, {held.GRAPH: b"no model"}))
    early, late = started(other), started(other)

    async def lost() -> None:
        await asyncio.wait_for(Listener(late).outcomes, 20)

    with pytest.raises(ModelLoadError, match="cannot load the model"):
        early.receive_plan(SECONDS)
    with pytest.raises(ModelLoadError, match="cannot load the model"):
        asyncio.run(lost())

    for slot in (early, late):
        slot.end()
    os.close(descriptor)


def test_no_process_outlives_its_server():
    """The server is killed without a chance to say goodbye: its slot reads the end of the connection and ends."""
    code = (
        "import time; from sightserve.backend.build import start_first_slot; "
        "from sightserve.backend.settings import Settings; "
        "slot = start_first_slot(Settings(cpus=1, calibrate=False)).process; "
        "slot.receive_plan(20); print(slot.pid, flush=True); time.sleep(60)"
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
    (outcome,) = outcomes_in(wire.Message({"outcomes": [{"error": name, "detail": "insides"}]}), asked=1, room=0)

    assert not isinstance(outcome, ImageError | Answer)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff" * 2,  # the length of 8 GiB
        wire.message({"outcomes": []}),  # fewer answers than jobs
        wire.message({"outcomes": [[0, 0, 0, 0]] * 2}),  # more
        wire.message({"outcomes": [[0, 0, 0, 0]]}) * 2,  # one answer more than questions
        wire.message({"outcomes": [[0, 0, 0, 0, 0]]}),
        wire.message({"outcomes": [[0, "soon", 0, 0]]}),
        wire.message({"outcomes": [[5, 0, 0, 0]]}, b"four"),
        wire.message({"outcomes": [[3, 0, 0, 0]]}, b"four"),
        wire.message({"outcomes": [[1, 0, 0, 0]]}, b"\xff"),
        wire.message({"outcomes": "x"}),
        wire.message({"plan": [1, 0.1]}),
        wire.message({"outcomes": [10**9]}),  # memory that it had
        wire.message({"outcomes": [-1]}),
        wire.message({"outcomes": [True]}),
        b"\0\0\0\4\0\0\0\0null",
        b"\0\0\0\4\0\0\0\0oops",
        b"\0\1\0\0\0\0\0\0" + b"[" * 65_536,
    ],
)
def test_a_slot_that_says_what_it_was_not_asked_is_lost(slot, cat, said, monkeypatch):
    """What a slot that was taken over could send instead of its answer."""
    ours, theirs = socket.socketpair()
    slot._channel.child.connection.close()
    monkeypatch.setattr(slot._channel, "child", Child(slot._channel.child.process, ours))

    with theirs, pytest.raises(SlotLost):
        run(slot, Job(cat), then=lambda: theirs.sendall(said))
