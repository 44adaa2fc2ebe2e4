"""What happens to every request, whatever it asks for: an id, a log line, a count, and an answer if all else fails."""

import re
import time
import uuid
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightserve.api.errors import ErrorCode
from sightserve.backend.http.problems import internal_detail, problem, response
from sightserve.backend.metrics import Metrics

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_log = structlog.get_logger("sightserve.access")


class RequestMiddleware:
    """Pure ASGI, because Starlette's BaseHTTPMiddleware hides a client's disconnection from the routes."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = scope["request_id"] = _request_id(scope)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            _log.exception("unhandled_error", request_id=request_id, method=scope["method"], path=scope["path"])
            if status:  # half an answer is out: closing the connection is the only honest thing left
                raise
            body = problem(ErrorCode.INTERNAL, internal_detail(request_id), request_id)
            await response(body)(scope, receive, send_with_id)
        finally:
            self._count(scope, status, time.perf_counter() - started, request_id)

    def _count(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        # The route's template, never the path itself: strangers choose paths, and each would be a new time series.
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        _log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=request_id,
        )


def _request_id(scope: Scope) -> str:
    """Return the client's own id where it is harmless, so that its log and ours can be joined; else a new one."""
    sent = Headers(scope=scope).get("x-request-id", "")
    return sent if _SAFE_ID.fullmatch(sent) else uuid.uuid4().hex
