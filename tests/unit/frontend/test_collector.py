"""Garbage of visits is collected on a clock; what was imported is out of its way."""

import subprocess
import sys

from sightserve.cli.ui import streamlit_command

_PROGRAM = """
import gc, time, weakref
from sightserve.frontend import collector

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


def test_what_a_visit_leaves_is_collected_and_what_was_imported_is_not_looked_at():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=90)

    assert done.stdout.split() == ["True", "True"]


def test_streamlit_does_not_collect_after_every_run_as_well():
    command = streamlit_command("127.0.0.1", 8501)

    assert command[command.index("--runner.postScriptGC") + 1] == "false"
