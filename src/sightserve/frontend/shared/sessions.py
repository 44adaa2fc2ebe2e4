"""The sessions of the web app: who is known, and what has to end with each of them.

Streamlit tells nobody when a session ends. Every run of the script and every upload says here whose it is; the housekeeping
(`host/housekeeping.py`) sees who has gone.
"""

import threading
import weakref
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

if TYPE_CHECKING:
    from streamlit.runtime.app_session import AppSession

_NOBODY: Final = "nobody"  # whose the things are that are made outside of a session


class Closable(Protocol):
    """What ends with a session."""

    def close(self) -> None:
        """Stop, and let go of everything that is held."""


@dataclass(slots=True)
class _Session:
    """What is known of a session; nothing is held here."""

    things: weakref.WeakSet[Closable] = field(default_factory=weakref.WeakSet)
    streamlits: "weakref.ref[AppSession] | None" = None


class Sessions:
    """All sessions that have not ended. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Session] = {}

    def here(self, session: str) -> None:
        """Take note of a session; to be called in every run of the script."""
        streamlits = runtime.get_instance().get_app_session(session) if runtime.exists() else None
        with self._lock:
            known = self._known.setdefault(session, _Session())
            if streamlits is not None:
                known.streamlits = weakref.ref(streamlits)

    def belongs(self, session: str, thing: Closable) -> None:
        """Have something closed when the session ends."""
        with self._lock:
            self._known.setdefault(session, _Session()).things.add(thing)

    def known(self) -> list[str]:
        """Return the sessions that have not ended."""
        with self._lock:
            return list(self._known)

    def things(self) -> list[Closable]:
        """Return what ends with one of these sessions."""
        with self._lock:
            return [thing for session in self._known.values() for thing in session.things]

    def end(self, session: str) -> None:
        """Close what belongs to a session, empty its state, and forget it."""
        with self._lock:
            ended = self._known.pop(session, None)
        if ended is None:
            return
        for thing in list(ended.things):
            thing.close()
        streamlits = ended.streamlits() if ended.streamlits is not None else None
        if streamlits is not None:
            # Streamlit's main loop keeps the session that it looked at last until somebody else comes.
            streamlits.session_state.clear()


@cache
def sessions() -> Sessions:
    """Return this process's sessions."""
    return Sessions()


def session_id() -> str:
    """Return whose run of the script this is."""
    context = get_script_run_ctx()
    return _NOBODY if context is None else context.session_id
