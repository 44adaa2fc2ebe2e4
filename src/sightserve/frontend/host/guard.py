"""The guard before Streamlit: tells browsers what the page may do, and lets in only uploads that there is room for.

Streamlit keeps every uploaded file in memory until its session ends and counts none of them, so that one visitor with a
script could fill the machine. Here an upload is weighed before it is read, and the ledger says whether it may come in.
"""

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sightserve.frontend.shared.ledger import Ledger, NoRoom
from sightserve.frontend.shared.metrics import metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page talks to its own server and to nobody else, whatever a library inside it would like to report or load.
# Streamlit's bundle needs inline styles and scripts, and the chart library compiles expressions; nothing comes from outside.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
)
_OURS: Final = frozenset(name for name, _ in HEADERS)
# An upload's room is kept for it from its first byte on: whoever sends nothing, or next to nothing, may not keep it for long.
_GRACE_SECONDS: Final = 30.0
_LEAST_RATE: Final = 8 * 1024  # bytes a second, on average; a phone at the edge of its network has some more
_UPLOAD: Final = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/[^/]+")


_COUNTS_OF_VISITORS: Final = "/_stcore/metrics"  # Streamlit's own, which it shows to everybody


class Guard:
    """Pure ASGI: adds the headers to every answer, and refuses uploads that memory is not meant for."""

    def __init__(self, app: "ASGIApp", ledger: Ledger) -> None:
        self._app, self._ledger = app, ledger

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        answered = False

        async def send_with_headers(message: "Message") -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in _OURS]
                message = {**message, "headers": [*kept, *HEADERS]}
            await send(message)

        if scope["path"].endswith(_COUNTS_OF_VISITORS):
            await _answer(HTTPStatus.NOT_FOUND, b"Not Found", send_with_headers)
            return
        upload = _UPLOAD.fullmatch(scope["path"]) if scope["method"] == "PUT" else None
        if upload is None:
            await self._app(scope, receive, send_with_headers)
            return
        announced = _content_length(scope)
        if announced is None:  # every browser says it; without it nothing can be weighed beforehand
            metrics().refused.labels("no_length").inc()
            await _refuse(HTTPStatus.LENGTH_REQUIRED, send_with_headers)
            return
        try:
            arriving = self._ledger.reserve(upload["session"], announced)
        except NoRoom as none:
            status = HTTPStatus.SERVICE_UNAVAILABLE if none.ever else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            await _refuse(status, send_with_headers)
            return
        pace = _Pace(receive)
        try:
            await self._app(scope, pace.receive, send_with_headers)
        except Exception:
            if not pace.too_slow:
                raise
            metrics().refused.labels("too_slow").inc()
            if not answered:
                await _refuse(HTTPStatus.REQUEST_TIMEOUT, send_with_headers)
        finally:
            arriving.release()  # from here on the ledger finds the file where Streamlit keeps it


class _Pace:
    """A body as it arrives; one that comes too slowly ends as if its sender had hung up."""

    def __init__(self, receive: "Receive") -> None:
        self._receive = receive
        self._began = asyncio.get_running_loop().time()
        self._received = 0
        self._whole = False
        self.too_slow = False

    async def receive(self) -> "Message":
        """Return the next message."""
        if self._whole:  # who listens on waits for the sender to leave
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._began + _GRACE_SECONDS + self._received / _LEAST_RATE):
                message = await self._receive()
        except TimeoutError:
            self.too_slow = True
            return {"type": "http.disconnect"}
        self._received += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message


def _content_length(scope: "Scope") -> int | None:
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else None


async def _refuse(status: HTTPStatus, send: "Send") -> None:
    if status is HTTPStatus.REQUEST_TIMEOUT:
        body = b"This upload came too slowly. Try again where the network is better."
    else:
        body = b"This upload is more than the app has memory for. Remove some photos and try again."
    await _answer(status, body, send)


async def _answer(status: HTTPStatus, body: bytes, send: "Send") -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
