"""Data path: the port -> [every open connection] -> `guard.py`. How many there are, and a clock that looks at each."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from sightserve.api.errors import ErrorCode
from sightserve.backend.http.guard import Guard
from sightserve.backend.http.middleware import SECURITY_HEADERS
from sightserve.backend.http.problems import problem, response

# Beyond the bound, so many are told so and may take their time to read it; more are dropped without a word.
_MAX_REFUSED: Final = 64
_LAST_CALL: Final = 1.0  # seconds for a connection without a request when the server ends
_POLL: Final = 0.02


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may take.

    Attributes:
        header_timeout: seconds in which a head must be whole, and in which a client must take something of its answer.
        keep_alive: seconds that a connection may be open between two requests.
        connections: how many may be open at once.
    """

    header_timeout: float
    keep_alive: float = 5.0
    connections: int = 4096


class Connections:
    """All of one server's. Its instance is what uvicorn calls for each new connection (`Config(http=...)`)."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        on_excess: Callable[[], None] = lambda: None,
        on_answer: Callable[[int, str], None] = lambda _status, _request_id: None,
    ) -> None:
        """Prepare.

        Args:
            bounds: what each and all together may take.
            on_excess: called for each connection beyond the bound.
            on_answer: told status and id of every answer that is given here and not by the application.
        """
        self.header_timeout = bounds.header_timeout
        self.keep_alive = bounds.keep_alive
        self._max = bounds.connections
        self._on_excess = on_excess
        self._on_answer = on_answer
        self._open: set[Guard] = set()
        self._refused: set[Guard] = set()
        self._clock: asyncio.TimerHandle | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Return the protocol of a new connection; called as uvicorn calls every protocol's class."""
        return Guard(self, HttpToolsProtocol(config, server_state, app_state, _loop))

    def __len__(self) -> int:
        """Return how many are open, those included that are being told that they are too many."""
        return len(self._open) + len(self._refused)

    def admit(self, guard: Guard) -> bool:
        """Take one more, or none: `guard.Host`."""
        if self._clock is None:
            self._tick()
        if len(self._open) < self._max:
            self._open.add(guard)
            return True
        self._on_excess()
        self._refused.add(guard)
        if len(self._refused) > _MAX_REFUSED:
            min(self._refused, key=lambda refused: refused.since).cut_off()
        return False

    def forget(self, guard: Guard) -> None:
        """One has ended: `guard.Host`."""
        self._open.discard(guard)
        self._refused.discard(guard)

    def problem(self, code: ErrorCode, detail: str) -> bytes:
        """Return an answer that no application gives: `guard.Host`."""
        request_id = f"{random.getrandbits(128):032x}"
        told = problem(code, detail, request_id)
        headers = {"Connection": "close", "X-Request-ID": request_id}
        if code is ErrorCode.OVERLOADED:
            headers["Retry-After"] = "1"  # some connections end all the time
        answer = response(told, headers)
        lines = b"".join(b"%b: %b\r\n" % line for line in (*answer.raw_headers, *SECURITY_HEADERS))
        self._on_answer(told.status, request_id)
        return STATUS_LINE[told.status] + lines + b"\r\n" + bytes(answer.body)

    async def last_call(self) -> None:
        """Wait, when the server ends, for those that were accepted a moment ago: their first request is on its way."""
        loop = asyncio.get_running_loop()
        end = loop.time() + min(_LAST_CALL, self.header_timeout)
        while any(guard.fresh for guard in self._open) and loop.time() < end:  # noqa: ASYNC110 - for a moment, once
            await asyncio.sleep(_POLL)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for guard in (*self._open, *self._refused):
            guard.check(now)
        self._clock = loop.call_later(min(1.0, self.header_timeout / 4), self._tick)
