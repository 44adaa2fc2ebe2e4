"""Sorting names: in memory while they are few, on disk where they are many."""

import random
import subprocess
import sys

import pytest

from sightserve.batch.errors import BatchError
from sightserve.batch.sources.ordered import MOST_IN_MEMORY, ordered

# A flat folder of so many, and a listing of as many: as an iterator of names, since no test makes three million files.
MANY = """
import pathlib, re, sys
from sightserve.batch.sources.ordered import ordered

count = int(sys.argv[1])
names = ((b"/data/photos/%08x/IMG_%08d.jpg" % (index * 2654435761 % 2**32, index), b"file") for index in range(count))
last, seen = b"", 0
for name, kind in ordered(names):
    assert last < name and kind == b"file"
    last, seen = name, seen + 1
assert seen == count
# not ru_maxrss: that begins with what the parent had
print(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""


def peak(count: int) -> int:
    """Return how many KiB a process takes at most that iterates over so many names."""
    done = subprocess.run([sys.executable, "-c", MANY, str(count)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("count", [0, 1000, MOST_IN_MEMORY + 1])
def test_names_come_sorted_by_their_bytes_each_once_with_what_came_with_the_last(count):
    names = [b"%d/\xff\x00%d" % (index % 7, index) for index in range(count)]
    random.Random(2).shuffle(names)

    got = list(ordered([*((name, b"first") for name in names[:500]), *((name, b"last") for name in names)]))

    assert got == [(name, b"last") for name in sorted(names)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_three_million_names_take_no_more_memory_than_a_tenth_of_them():
    """That tenth is three times what is sorted in memory."""
    assert peak(3_000_000) < peak(300_000) + (16 << 10)


def test_a_full_disk_is_said_with_what_to_do():
    """No file may grow beyond 1 MiB, as on a disk that is full."""
    limited = f'ulimit -f 2048; exec {sys.executable} -c "$0" 250000'

    done = subprocess.run(["sh", "-c", limited, MANY], capture_output=True, text=True, check=False)

    assert BatchError.__name__ in done.stderr
    assert "no room to sort" in done.stderr
    assert "TMPDIR" in done.stderr
