"""Garbage of visits is collected on a clock; what was imported is out of its way."""

import platform
import subprocess
import sys

import pytest

from sightserve.cli.ui import streamlit_command

_PROGRAM = """
import gc, time, weakref
from sightserve.frontend.host import collector

gc.disable()  # only the collector may collect
collector.start(every=0.05)
give_up = time.monotonic() + 60
while not gc.get_freeze_count() and time.monotonic() < give_up:
    time.sleep(0.05)

class Visit:
    pass

visit = Visit()
visit.itself = visit  # a cycle, as sessions leave them
left = weakref.ref(visit)
del visit
while left() is not None and time.monotonic() < give_up:
    time.sleep(0.05)
print(gc.get_freeze_count() > 100_000, left() is None)
"""

_EARLY = """
import gc, time, weakref
from sightserve.frontend.host import collector
from sightserve.frontend.shared.sessions import sessions

class Visit:
    pass

gc.disable()
visit = Visit()
visit.itself = visit
left = weakref.ref(visit)
sessions().here("early")  # its page was opened while the app was still importing
collector.start(every=0.05, thaw_after=0.1)
give_up = time.monotonic() + 60
while not gc.get_freeze_count() and time.monotonic() < give_up:
    time.sleep(0.05)
sessions().here("later")
sessions().end("early")
del visit
while (left() is not None or not gc.get_freeze_count()) and time.monotonic() < give_up:
    time.sleep(0.05)
print(left() is None, gc.get_freeze_count() > 100_000)
"""

_FREED = """
import ctypes
from sightserve.frontend.host import collector

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

before = resident()
blocks = [libc.malloc(60_000) for _ in range(1_000)]
for block in blocks:
    ctypes.memset(block, 1, 60_000)
held = resident() - before
for block in blocks[:-1]:
    libc.free(block)
kept = resident() - before
collector.give_back()
print(held, kept, resident() - before)
"""

_ARENAS = """
import ctypes, threading
from sightserve.frontend.host import collector

collector.keep_arenas_few()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
together = threading.Barrier(13)

def run():
    libc.malloc(1_000)
    together.wait()
    together.wait()

for _ in range(12):
    threading.Thread(target=run).start()
together.wait()
output = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, output)
libc.fflush(output)
together.wait()
"""


def test_what_a_visit_leaves_is_collected_and_what_was_imported_is_not_looked_at():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=90)

    assert done.stdout.split() == ["True", "True"]


def test_who_came_before_the_imports_were_done_is_collected_too():
    done = subprocess.run([sys.executable, "-c", _EARLY], capture_output=True, text=True, check=True, timeout=90)

    assert done.stdout.split() == ["True", "True"]


def test_streamlit_does_not_collect_after_every_run_as_well():
    command = streamlit_command("127.0.0.1", 8501)

    assert command[command.index("--runner.postScriptGC") + 1] == "false"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_was_freed_goes_back_to_the_system():
    """Small blocks with a last one that stays: the C library alone would keep all of them."""
    done = subprocess.run([sys.executable, "-c", _FREED], capture_output=True, text=True, check=True, timeout=60)
    held, kept, given_back = map(int, done.stdout.split())

    assert kept > 0.8 * held
    assert given_back < 0.3 * held


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc makes arenas for threads")
def test_many_threads_share_two_arenas():
    done = subprocess.run([sys.executable, "-c", _ARENAS], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.count("<heap nr=") == 2
