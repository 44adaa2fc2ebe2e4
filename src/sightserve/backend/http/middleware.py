"""What happens to every request, whatever it asks for: an id, a log line, a count, and an answer if all else fails."""

import logging
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightserve.api.errors import ErrorCode
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.problems import internal_detail, own_path, problem, response
from sightserve.backend.http.tracing import Served, Tracing
from sightserve.backend.metrics import Metrics
from sightserve.logs.lines import AccessLine, AccessLog

_SAFE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_CLOUD_TRACE: Final = re.compile(rb"([0-9a-f]{32})(?:/[0-9]{1,20}(?:;o=[0-9])?)?")
_HOST: Final = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")  # RFC 3986, section 3.2
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_CLOSE: Final = (b"connection", b"close")
_MAX_LOGGED_PATH: Final = 512  # characters: the log must not grow faster than what a stranger sends
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
            path = path[:_MAX_LOGGED_PATH]
            self._access_log.record(AccessLine(time.time(), method, path, status, seconds, request_id, trace))

    def note_unread(self, status: int, request_id: str) -> None:
        """Write down what was answered though no request could be read: no HTTP, or one connection too many."""
        self.note("-", "-", "unread", status, 0.0, request_id, None)


class RequestMiddleware:
    """Outermost, and pure ASGI: Starlette's BaseHTTPMiddleware would hide a client's disconnection from the routes."""

    def __init__(self, app: ASGIApp, ledger: Ledger, lifecycle: Lifecycle, tracing: Tracing | None = None) -> None:
        self._app = app
        self._ledger = ledger
        self._lifecycle = lifecycle
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        steps = self._tracing.begin() if self._tracing else []
        head = read_head(scope["headers"])
        extra = [(b"x-request-id", head.request_id.encode()), *SECURITY_HEADERS]
        method = scope["method"]
        # a copy: uvicorn looks at its own, and leaves out the body of an answer to HEAD
        scope = {**scope, "request_id": head.request_id, "method": "GET" if method == "HEAD" else method}
        status = 0
        uninvited = head.expects_continue  # nobody has asked for the body yet

        async def receive_invited() -> Message:
            nonlocal uninvited
            uninvited = False
            return await receive()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Draining; or a client that may now send its body or may not, so that what follows is told apart by nobody
                # (RFC 9110, section 10.1.1).
                closing = [_CLOSE] if self._lifecycle.draining or uninvited else []
                message["headers"] = [*message["headers"], *extra, *closing]
            await send(message)

        try:
            if wrong := head.wrong(scope["http_version"]):
                refusal = problem(ErrorCode.MALFORMED_REQUEST, wrong, head.request_id)
                await response(refusal, {"Connection": "close"}, own_path(scope))(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive_invited if uninvited else receive, send_with_headers)
        except Exception:  # noqa: BLE001 - the last resort: logged, counted and answered
            path = scope["path"][:_MAX_LOGGED_PATH]
            _log.exception("unhandled error in request %s: %s %r", head.request_id, method, path)
            if not status:  # otherwise the answer is out already
                body = problem(ErrorCode.INTERNAL, internal_detail(head.request_id), head.request_id)
                await response(body, path=own_path(scope))(scope, receive, send_with_headers)
        finally:
            ended = time.perf_counter()
            path, route = scope["path"], getattr(scope.get("route"), "path", None) or "unmatched"
            trace = head.trace
            if self._tracing:
                served = Served(method, path, route, status, started, ended, head.request_id, scope["scheme"])
                made = self._tracing.end(served, steps, scope["headers"])
                trace = trace or made
            self._ledger.note(method, path, route, status, ended - started, head.request_id, trace)


@dataclass(slots=True)
class Head:
    """What everybody here needs to know of a request's headers.

    Attributes:
        request_id: the client's own where it is harmless, so that its log and ours can be joined; else a new one.
        trace: 32 hexadecimal digits, where a proxy or a caller sent a trace.
        expects_continue: the client sends its body when it is told to, or when it is tired of waiting.
        hosts: how many Host headers there are; one that cannot be is no one.
        chunked: the body's length is told chunk by chunk.
    """

    request_id: str = ""
    trace: str | None = None
    expects_continue: bool = False
    hosts: int = 0
    chunked: bool = False

    def wrong(self, version: str) -> str | None:
        """Return what makes a request of this HTTP version one that must be refused (RFC 9112), None where nothing does."""
        if version not in {"1.0", "1.1"}:
            return "the request is not valid HTTP/1.1"
        if self.hosts > 1 or (not self.hosts and version == "1.1"):  # section 3.2
            return "the request has no Host header, several, or one that names no host"
        if self.chunked and version == "1.0":  # section 6.1: whoever is in between may not have understood it
            return "the request has a Transfer-Encoding, which HTTP/1.0 has not"
        return None


def read_head(headers: Sequence[tuple[bytes, bytes]]) -> Head:
    """Return what these headers say; their names are in lower case."""
    head = Head()
    for name, value in headers:
        if name == b"host":
            head.hosts += 1 if _HOST.fullmatch(value) else 2
        elif name == b"x-request-id":
            if _SAFE_ID.fullmatch(value):
                head.request_id = value.decode()
        elif name == b"traceparent":  # W3C Trace Context: version-trace-span-flags
            if found := _TRACEPARENT.fullmatch(value):
                head.trace = found[1].decode()
        elif name == b"x-cloud-trace-context" and head.trace is None:  # TRACE/SPAN;o=OPTIONS
            if found := _CLOUD_TRACE.fullmatch(value):
                head.trace = found[1].decode()
        elif name == b"expect":
            head.expects_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            head.chunked = True
    # It has to be unique, not secret: `random` is 20 times cheaper than `uuid4`, which makes a system call.
    head.request_id = head.request_id or f"{random.getrandbits(128):032x}"
    return head
