"""Outermost before Streamlit: a log line and a count for every request and every websocket.

What a path says of a visitor is left out: secrets of videos, sessions, files. So is the query, and so are names of files.
"""

import logging
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sightserve.frontend.shared.metrics import metrics
from sightserve.logs.lines import AccessLine, AccessLog

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# From the first of them on: what lies before may be a base path, and what a route makes of the rest is no matter.
_SECRET: Final = re.compile(r"(videos|media|inbox|sorted)/.*", re.DOTALL)
_PROBES: Final = ("/_stcore/health", "/_stcore/script-health-check")


def shown(path: str) -> str:
    """Return a path as it may be told."""
    return _SECRET.sub(r"\1/*", path)


class Access:
    """Pure ASGI: hands everything on as it is, and writes down what became of it."""

    def __init__(self, app: "ASGIApp", log: AccessLog) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request, or one websocket until it is closed."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        began, received, sent = time.perf_counter(), 0, 0
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR  # of what ends without an answer
        if scope["type"] == "websocket":
            status = HTTPStatus.FORBIDDEN  # what the server says for one that was never accepted

        async def receive_counted() -> "Message":
            nonlocal received
            message = await receive()
            received += _size(message)
            return message

        async def send_counted(message: "Message") -> None:
            nonlocal status, sent
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = HTTPStatus.SWITCHING_PROTOCOLS
            sent += _size(message)
            await send(message)

        try:
            await self._app(scope, receive_counted, send_counted)
        finally:
            path, seconds = scope["path"], time.perf_counter() - began
            healthy = path.endswith(_PROBES) and status < HTTPStatus.BAD_REQUEST
            metrics().requests.labels(scope["type"], int(status)).inc()
            method = scope.get("method", "WEBSOCKET")
            line = AccessLine(time.time(), method, shown(path), int(status), seconds, received=received, sent=sent)
            self._log.record(line, logging.DEBUG if healthy else logging.INFO)


def _size(message: "Message") -> int:
    return len(message.get("body") or message.get("bytes") or message.get("text") or "")
