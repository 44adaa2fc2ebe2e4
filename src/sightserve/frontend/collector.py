"""Garbage is collected every few seconds, not after every run of the script, and never among what lives for ever.

Streamlit collects all generations after each script run (`runner.postScriptGC`): about 70 ms for the half million objects
that its and our imports leave, under the interpreter's lock, so all visitors wait. That was 84 % of the time in which the
lock was held under load, by a profile. Here the imports are frozen, which takes them out of every collection, and what visits
leave in cycles is collected on a clock: what it costs depends on the visitors there are, not on what was imported.

What was freed then goes back to the system. glibc keeps it otherwise, in up to eight arenas for each core, because every run of
the script has a thread of its own: in half an hour with 40 users the process grew in steps and did not shrink again.
"""

import ctypes
import gc
import importlib
import sys
import threading
import time
from typing import Final

_EVERY: Final = 10.0  # seconds
_VIEWS: Final = ("photo", "batch", "about")


def start(every: float = _EVERY) -> None:
    """Begin, in a thread of its own, and collect every so many seconds; the server is reachable meanwhile."""
    threading.Thread(target=_run, args=(every,), name="collector", daemon=True).start()


def _run(every: float) -> None:
    # What the pages import is imported before the first visitor comes, and is among what is frozen.
    for view in _VIEWS:
        importlib.import_module(f"sightserve.frontend.views.{view}")
    gc.collect()
    gc.freeze()
    while True:
        time.sleep(every)
        gc.collect()
        give_back()


def give_back() -> None:
    """Give freed memory back to the system where the C library can (glibc); the interpreter's lock is free meanwhile."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none, and does not need it
        if trim is not None:
            trim(0)
