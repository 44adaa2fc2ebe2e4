"""What happens to every request, whatever it asks for: an id, a log line, a count, and an answer if all else fails."""

import logging
import random
import re
import time
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightserve.api.errors import ErrorCode
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.problems import internal_detail, problem, response
from sightserve.backend.logs import AccessLine, AccessLog
from sightserve.backend.metrics import Metrics

_SAFE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_CLOSE: Final = (b"connection", b"close")
_log = logging.getLogger(__name__)


class Ledger:
    """Where every request is written down once it is answered: the metrics and, unless it is off, the access log."""

    def __init__(self, metrics: Metrics, access_log: AccessLog | None) -> None:
        self._metrics = metrics
        self._access_log = access_log

    def note(
        self, method: str, path: str, route: str, status: int, seconds: float, request_id: str, trace: str | None
    ) -> None:
        """Write one down; `route` is a template, never what a stranger typed: each path would be a new time series."""
        self._metrics.count_request(method, route, status, seconds)
        if self._access_log is not None:
            self._access_log.record(AccessLine(time.time(), method, path, status, seconds, request_id, trace))


class RequestMiddleware:
    """Outermost, and pure ASGI: Starlette's BaseHTTPMiddleware would hide a client's disconnection from the routes."""

    def __init__(self, app: ASGIApp, ledger: Ledger, lifecycle: Lifecycle) -> None:
        self._app = app
        self._ledger = ledger
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id, trace = identify(scope["headers"])
        scope["request_id"] = request_id
        extra = [(b"x-request-id", request_id.encode()), *SECURITY_HEADERS]
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                closing = [_CLOSE] if self._lifecycle.draining else []
                message["headers"] = [*message["headers"], *extra, *closing]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:  # noqa: BLE001 - the last resort: logged, counted and answered
            _log.exception("unhandled error in request %s: %s %r", request_id, scope["method"], scope["path"])
            if not status:  # otherwise the answer is out already
                body = problem(ErrorCode.INTERNAL, internal_detail(request_id), request_id)
                await response(body)(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", None) or scope.get("route_template", "unmatched")
            self._ledger.note(scope["method"], scope["path"], route, status, seconds, request_id, trace)


def identify(headers: Sequence[tuple[bytes, bytes]]) -> tuple[str, str | None]:
    """Return the request's id and, where a proxy sent one, its trace id.

    The client's own id is kept where it is harmless, so that its log and ours can be joined. A new one has to be unique, not
    secret: `random` is 20 times cheaper than `uuid4`, whose system call hands the interpreter's lock to a busy slot.
    """
    request_id: str | None = None
    trace: str | None = None
    for name, value in headers:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent":  # W3C Trace Context: version-trace-span-flags
            trace = value[3:35].decode("latin-1")
        elif name == b"x-cloud-trace-context" and trace is None:  # TRACE/SPAN;o=OPTIONS
            trace = value.split(b"/", 1)[0].decode("latin-1")
    return request_id or f"{random.getrandbits(128):032x}", trace
