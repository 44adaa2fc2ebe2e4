"""The web app's housekeeping: garbage is collected on a clock, not after every run of the script, and never among imports.

Streamlit collects all generations after each script run (`runner.postScriptGC`): every object that its and our imports leave is
looked at, under the interpreter's lock, so all visitors wait; under load, that was most of the time in which the lock was held.
Here the imports are frozen, which takes them out of every collection, and what visits leave in cycles is collected on a clock:
what it costs depends on the visitors there are, not on what was imported. Who came before the imports were done is frozen among
them, and would never be collected: when they have gone, everything is thawed, collected and frozen anew.

What was freed then goes back to the system, and comes from two arenas: glibc makes up to eight for each core, because every run
of the script has a thread of its own, and what is free in one is no use to a thread of another.
"""

import ctypes
import gc
import importlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from sightserve import malloc
from sightserve.frontend.shared.sessions import sessions

_EVERY: Final = 10.0  # seconds
_THAW_AFTER: Final = 60.0  # seconds, at least: it looks at all that was imported, for a tenth of a second or two
_M_ARENA_MAX: Final = -8  # of glibc's malloc.h
_PAGES: Final = ("photo", "batch", "video", "about")


def start(every: float = _EVERY, thaw_after: float = _THAW_AFTER) -> None:
    """Begin, in a thread of its own, and collect every so many seconds; the server is reachable meanwhile."""
    keep_arenas_few()
    malloc.give_large_blocks_back()
    threading.Thread(target=_run, args=(every, thaw_after), name="collector", daemon=True).start()


def _run(every: float, thaw_after: float) -> None:
    # What the pages import is imported before the first visitor comes, and is among what is frozen.
    for page in _PAGES:
        importlib.import_module(f"sightserve.frontend.{page}.page")
    frozen, at = _freeze(), time.monotonic()
    while True:
        time.sleep(every)
        if frozen and frozen.isdisjoint(sessions().known()) and time.monotonic() - at >= thaw_after:
            gc.unfreeze()
            frozen, at = _freeze(), time.monotonic()
        else:
            gc.collect()
        give_back()


def _freeze() -> set[str]:
    """Collect, and take what is left out of all collections to come; return the sessions that are frozen with it."""
    gc.collect()
    present = set(sessions().known())
    gc.freeze()
    return present


def keep_arenas_few() -> None:
    """Have all threads share two arenas of the C library (glibc)."""
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Give freed memory back to the system (glibc); the interpreter's lock is free meanwhile."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; musl has none of these, and does not need them."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
