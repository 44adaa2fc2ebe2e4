"""The sessions of the web app: who is known, and what has to end with each of them.

Streamlit tells nobody when a session ends. Every run of the script and every upload says here whose it is; the housekeeping
(`host/housekeeping.py`) sees who has gone.
"""

import threading
import weakref
from functools import cache
from typing import Final, Protocol

from streamlit.runtime.scriptrunner import get_script_run_ctx

_NOBODY: Final = "nobody"  # whose the things are that are made outside of a session


class Closable(Protocol):
    """What ends with a session."""

    def close(self) -> None:
        """Stop, and let go of everything that is held."""


class Sessions:
    """All sessions that have not ended. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._things: dict[str, weakref.WeakSet[Closable]] = {}

    def here(self, session: str) -> None:
        """Take note of a session."""
        with self._lock:
            self._things.setdefault(session, weakref.WeakSet())

    def belongs(self, session: str, thing: Closable) -> None:
        """Have something closed when the session ends."""
        with self._lock:
            self._things.setdefault(session, weakref.WeakSet()).add(thing)

    def known(self) -> list[str]:
        """Return the sessions that have not ended."""
        with self._lock:
            return list(self._things)

    def end(self, session: str) -> None:
        """Close what belongs to a session, and forget it."""
        with self._lock:
            things = list(self._things.pop(session, ()))
        for thing in things:
            thing.close()


@cache
def sessions() -> Sessions:
    """Return this process's sessions."""
    return Sessions()


def session_id() -> str:
    """Return whose run of the script this is."""
    context = get_script_run_ctx()
    return _NOBODY if context is None else context.session_id
