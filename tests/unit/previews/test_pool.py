"""Photos in, JPEGs out, by children that die, hang and swell, and that nobody but their own photo notices."""

import io
import os
import signal
import threading

import pytest
from PIL import Image
from tests.conftest import SAMPLES

from sightserve.previews.pool import NoPicture, Pool, Why
from sightserve.sandbox.conversation import Conversation
from sightserve.sandbox.wire import Message

CAT = (SAMPLES / "cat.jpg").read_bytes()
SIZES = [(64, 80)]


@pytest.fixture
def pool():
    made = Pool()
    yield made
    made.close()


def test_both_sizes_come_from_one_decode_and_carry_no_place(pool):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    buffer = io.BytesIO()
    Image.new("RGB", (2000, 1000), "teal").save(buffer, "JPEG", exif=exif.tobytes())

    made = pool.make(buffer.getvalue(), [(1024, 86), (72, 78)], "me")

    assert (made.width, made.height) == (1024, 512)
    for jpeg, size in zip(made.jpegs, [(1024, 512), (72, 36)], strict=True):
        with Image.open(io.BytesIO(jpeg)) as image:
            assert (image.format, image.size) == ("JPEG", size)
            assert not image.getexif()


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (b"no photo", Why.UNKNOWN_KIND),
        (CAT[:2000], Why.DAMAGED),
        (b"", Why.UNKNOWN_KIND),
    ],
)
def test_what_cannot_be_shown_says_why_and_the_next_is_shown(pool, photo, why):
    with pytest.raises(NoPicture) as nothing:
        pool.make(photo, SIZES, "me")

    assert nothing.value.why is why
    assert pool.make(CAT, SIZES, "me").jpegs


def test_a_child_that_is_killed_costs_its_own_photo_and_is_replaced(pool):
    pool.make(CAT, SIZES, "me")
    (worker,) = pool._idle
    os.kill(worker._talk._child.process.pid, signal.SIGKILL)

    with pytest.raises(NoPicture):
        pool.make(CAT, SIZES, "me")

    assert pool.make(CAT, SIZES, "me").jpegs


def test_a_child_that_hangs_is_ended_in_time_and_nobody_else_waits_for_it():
    pool = Pool(seconds=1.0)
    pool.make(CAT, SIZES, "me")
    (worker,) = pool._idle
    pid = worker._talk._child.process.pid
    os.kill(pid, signal.SIGSTOP)
    others: list[bytes] = []
    hung: list[Why] = []

    def hang() -> None:
        try:
            pool.make(CAT, SIZES, "unlucky")
        except NoPicture as nothing:
            hung.append(nothing.why)

    thread = threading.Thread(target=hang)
    thread.start()
    others = [pool.make(CAT, SIZES, "other").jpegs[0] for _ in range(3)]
    thread.join()
    pool.close()

    assert hung == [Why.TOO_SLOW]
    assert len(others) == 3
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_needs_more_memory_than_all_have_is_refused_before_it_is_decoded(pool):
    buffer = io.BytesIO()
    Image.new("RGB", (5_000, 4_000)).save(
        buffer, "WEBP", lossless=True
    )  # 20 megapixels, four times that while decoding

    with pytest.raises(NoPicture) as nothing:
        pool.make(buffer.getvalue(), SIZES, "me")

    assert nothing.value.why is Why.TOO_LARGE


@pytest.mark.parametrize(
    "said",
    [
        {"width": 1, "height": 1, "lengths": [5]},  # more than is attached
        {"width": 1, "height": 1, "lengths": [4, 0]},  # another number of pictures
        {"width": 1, "height": -1, "lengths": [4]},
        {"width": 1, "height": 1, "lengths": [-4]},
        {"width": 1, "height": 1, "lengths": [4]},  # no JPEG: a page, say
        {"needs": "much"},
        {},
    ],
)
def test_a_child_that_was_taken_over_gets_nothing_of_its_own_onto_the_page(pool, monkeypatch, said):
    pool.make(CAT, SIZES, "me")
    monkeypatch.setattr(Conversation, "receive", lambda *_, **__: Message(said, b"<htm"))

    with pytest.raises(NoPicture):
        pool.make(CAT, SIZES, "me")


def test_a_child_is_replaced_after_a_while_so_that_nothing_piles_up(pool, monkeypatch):
    monkeypatch.setattr("sightserve.previews.pool._MOST_MADE", 2)

    children = set()
    for _ in range(4):
        pool.make(CAT, SIZES, "me")
        children |= {worker._talk._child.process.pid for worker in pool._idle}

    assert len(children) == 2  # each seen after its first photo, and gone after its second
