"""Slots without a server, for real: asked, killed, hung, and started from a model that cannot be loaded."""

import gc
import io
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tests import networks

from sightserve.backend.direct import Slots
from sightserve.backend.errors import ModelLoadError, NeedsMemory, SlotLost
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import load_bundle

PIXELS = (64, 48)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", PIXELS, "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def bundle(tmp_path):
    return load_bundle(networks.write(tmp_path / "colours"))


@pytest.fixture
def slots(bundle):
    made = Slots(Settings(cpus=1, calibrate=False), bundle)
    yield made
    made.close()


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_slot_answers_until_it_is_ended(slots):
    slot = slots.start()

    outcomes = slot.ask([Job(png(), top_k=1)] * 2)
    slot.end()
    slot.end()

    assert [type(outcome) for outcome in outcomes] == [Answer, Answer]
    assert '"prediction":"red"' in outcomes[0].body
    assert not runs(slot.pid)


def test_a_photo_that_needs_more_memory_than_it_is_given_says_how_much(slots):
    with slots.one() as slot:
        (refused,) = slot.ask([Job(png(), top_k=1)], room=1)
        (answered,) = slot.ask([Job(png(), top_k=1)], room=refused.pixels)

    assert isinstance(refused, NeedsMemory)
    assert refused.pixels >= PIXELS[0] * PIXELS[1]
    assert isinstance(answered, Answer)


def test_a_slot_that_dies_says_its_last_words_and_another_takes_its_place(slots):
    with slots.one() as first:
        os.kill(first.pid, signal.SIGSEGV)

        with pytest.raises(SlotLost, match=r"died while it answered: \S"):
            first.ask([Job(png(), top_k=1)])
    with slots.one(first.plan) as second:
        assert isinstance(second.ask([Job(png(), top_k=1)])[0], Answer)

    assert not runs(first.pid)


def test_a_slot_that_hangs_is_given_up(bundle):
    slots = Slots(Settings(cpus=1, calibrate=False, hang_timeout=0.3), bundle)
    with slots.one() as slot:
        os.kill(slot.pid, signal.SIGSTOP)

        with pytest.raises(SlotLost, match="did not answer within"):
            slot.ask([Job(png(), top_k=1)])
    slots.close()

    assert not runs(slot.pid)


def test_another_thread_can_end_a_slot_that_is_asked(slots):
    slot = slots.start()
    os.kill(slot.pid, signal.SIGSTOP)  # it would not answer before hang_timeout
    threading.Timer(0.1, slot.end).start()

    with pytest.raises(SlotLost):
        slot.ask([Job(png(), top_k=1)])


def test_a_model_that_cannot_be_loaded_leaves_neither_process_nor_descriptor(bundle):
    gc.collect()  # what tests before left open
    open_before = open_files()
    slots = Slots(Settings(cpus=1), replace(bundle, model_bytes=b"no graph"))

    with pytest.raises(ModelLoadError):
        slots.start()
    slots.close()

    assert open_files() == open_before


def test_a_slot_that_is_not_ready_in_time_is_ended(bundle):
    slots = Slots(Settings(cpus=1, start_timeout=0.001), bundle)

    with pytest.raises(SlotLost, match="did not start within"):
        slots.start()
    slots.close()
