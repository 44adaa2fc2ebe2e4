"""The whole catalogue of bombs through the web app's previews: bounded in time and memory, and others do not notice."""

import contextlib
import os
import threading
import time
from pathlib import Path

import pytest
from tests.conftest import SAMPLES
from tests.hostile import bombs

from sightserve.previews.pool import NoPicture, Pool

CAT = (SAMPLES / "cat.jpg").read_bytes()
SIZES = [(1024, 86), (72, 78)]
SECONDS = 2.0
CHEAP = [bomb for bomb in bombs.BOMBS if bomb not in bombs.EXPENSIVE]


@pytest.fixture(scope="module")
def pool():
    made = Pool(seconds=SECONDS)
    made.make(CAT, SIZES, "first")
    yield made
    made.close()


def throw(pool: Pool, data: bytes, owner: str = "stranger") -> None:
    with contextlib.suppress(NoPicture):
        assert pool.make(data, SIZES, owner).jpegs


@pytest.mark.parametrize("bomb", CHEAP, ids=lambda bomb: bomb.__name__)
def test_a_bomb_ends_as_a_picture_or_as_words(pool, bomb):
    throw(pool, bomb())

    assert pool.make(CAT, SIZES, "visitor").jpegs


@pytest.mark.slow
@pytest.mark.parametrize("bomb", bombs.EXPENSIVE, ids=lambda bomb: bomb.__name__)
def test_an_expensive_bomb_too_while_a_visitor_is_served(pool, bomb):
    data = bomb()
    strangers = [threading.Thread(target=throw, args=(pool, data, f"stranger {number}")) for number in range(2)]
    for stranger in strangers:
        stranger.start()
    started = time.monotonic()

    assert pool.make(CAT, SIZES, "visitor").jpegs

    waited = time.monotonic() - started
    for stranger in strangers:
        stranger.join()
    # a header, and a picture, of at most SECONDS each before one of two children is free; the rest is a busy machine's
    assert waited < 3 * SECONDS


@pytest.mark.slow
def test_the_children_together_stay_within_their_memory(pool):
    """Two strangers at once, with the largest that is just allowed of every kind."""
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            peak = max(peak, sum(map(resident, children())))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for bomb in (bombs.webp_largest, bombs.avif_largest, bombs.heif_largest, bombs.jpeg_largest, bombs.tiff_giant_tile):
        data = bomb()
        strangers = [threading.Thread(target=throw, args=(pool, data, f"stranger {n}")) for n in range(2)]
        for stranger in strangers:
            stranger.start()
        for stranger in strangers:
            stranger.join()
    over.set()
    watcher.join()

    assert 50 < peak < 500  # MiB; two children at rest are some 60 each


def children() -> list[int]:
    found = []
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(OSError):  # it ended a moment ago
            found += [int(pid) for pid in (thread / "children").read_text().split()]
    return found


def resident(pid: int) -> int:
    """Mebibytes that a process holds; none where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)
