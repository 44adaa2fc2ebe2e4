"""The web app's housekeeping beside its visitors: sessions end on a clock, and a stop leaves no file behind.

Streamlit keeps the session of a page that was closed for a while, since a page whose connection was lost comes back to it. But
it looks for those that are over only when another page is closed: who leaves last would stay for ever. Here a clock looks.
"""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Final

from streamlit import runtime

from sightserve.frontend.shared import workspace
from sightserve.frontend.shared.sessions import Sessions, sessions
from sightserve.frontend.shared.settings import settings

_log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 2.0  # seconds
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Keep house from the server's start to its end, in its event loop."""
    await asyncio.to_thread(workspace.sweep)
    for number in _ENDS:
        _before(number, workspace.workspace().remove)
    clock = asyncio.create_task(_watch(Departures(sessions(), settings().session_seconds)))
    try:
        yield
    finally:
        clock.cancel()
        with suppress(asyncio.CancelledError):
            await clock
        workspace.workspace().remove()


class Departures:
    """Ends the sessions that nobody is connected to any more."""

    def __init__(self, known: Sessions, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up.

        Args:
            known: all sessions.
            seconds: for which a session is kept after its page was closed or lost its connection.
            clock: monotonic seconds.
        """
        self._known, self._seconds, self._clock = known, seconds, clock
        self._gone_since: dict[str, float] = {}

    def end_those_who_left(self) -> None:
        """Look at all sessions once; to be called in the server's event loop."""
        server, now = runtime.get_instance(), self._clock()
        for session in self._known.known():
            if server.is_active_session(session):
                self._gone_since.pop(session, None)
            elif now - self._gone_since.setdefault(session, now) >= self._seconds:
                del self._gone_since[session]
                server.close_session(session)
                self._known.end(session)


async def _watch(departures: Departures) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        try:
            departures.end_those_who_left()
        except Exception:  # noqa: BLE001 - a bug of ours: a clock that stops would keep all sessions for ever
            _log.exception("sessions could not be ended")


def _before(number: int, remove: Callable[[], None]) -> None:
    """Have something done when a signal comes, before whatever handles it now.

    At once, and not when the server has ended: it waits for as long as somebody's player holds a connection open, and whoever
    started it may lose patience first. After the server's end, uvicorn raises the signal once more, which ends the process.
    """
    handler = signal.getsignal(number)
    if handler in {None, signal.SIG_IGN}:  # `nohup` for instance wants it ignored
        return

    def first_remove(number: int, frame: FrameType | None) -> None:
        remove()
        if callable(handler):
            handler(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    signal.signal(number, first_remove)
