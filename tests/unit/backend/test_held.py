"""The model's bytes as slots get them: all of them, at their places, and never others."""

import mmap
import os
import threading

import pytest

from sightserve.backend import held


@pytest.fixture
def descriptor():
    made = held.reserve()
    yield made
    os.close(made)


def test_every_part_is_found_again(descriptor):
    graph, weights = b"graph" * 1000, os.urandom(100_001)

    parts = held.fill(descriptor, {held.GRAPH: graph, "weights.bin": weights, "more": b"x"})
    found = held.map_parts(descriptor, parts)

    assert {name: content[:] for name, content in found.items()} == {
        held.GRAPH: graph,
        "weights.bin": weights,
        "more": b"x",
    }


def test_nobody_can_change_it_any_more(descriptor):
    held.fill(descriptor, {held.GRAPH: b"graph"})

    with pytest.raises(PermissionError):
        os.pwrite(descriptor, b"other", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 1)


def test_it_is_sealed_as_soon_as_nobody_can_write_into_it_any_more(descriptor):
    """The kernel says busy while there is a way to write, which may be its own."""
    os.ftruncate(descriptor, 8)
    writable = mmap.mmap(descriptor, 8)
    end = threading.Timer(0.1, writable.close)
    end.start()

    held.fill(descriptor, {held.GRAPH: b"graph"})

    end.join()
    with pytest.raises(PermissionError):
        os.pwrite(descriptor, b"other", 0)
