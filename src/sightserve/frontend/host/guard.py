"""The guard before Streamlit: tells browsers what the page may do, and bounds the memory that uploads may take.

Streamlit keeps every uploaded file in memory until its session ends and counts none of them, so that one visitor with a
script could fill the machine. Here an upload is weighed before it is read: one session, and all together, have a budget.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from sightserve.frontend.shared.settings import MIB, UiSettings

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
_UPLOAD: Final = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/[^/]+")


def stored_bytes() -> Mapping[str, int]:
    """Return how many bytes of uploads Streamlit holds for each session."""
    manager = runtime.get_instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    storage = list(manager.file_storage.items())
    return {session: sum(len(file.data) for file in list(files.values())) for session, files in storage}


class Guard:
    """Pure ASGI: adds the headers to every answer, and refuses uploads that memory is not meant for."""

    def __init__(
        self, app: "ASGIApp", settings: UiSettings, stored: Callable[[], Mapping[str, int]] = stored_bytes
    ) -> None:
        self._app = app
        self._session_bytes = settings.session_upload_mb * MIB
        self._total_bytes = settings.total_upload_mb * MIB
        self._stored = stored
        self._arriving: Counter[str] = Counter()  # bytes announced by uploads that are under way

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in _OURS]
                message = {**message, "headers": [*kept, *HEADERS]}
            await send(message)

        upload = _UPLOAD.fullmatch(scope["path"]) if scope["method"] == "PUT" else None
        if upload is None:
            await self._app(scope, receive, send_with_headers)
            return
        session, announced = upload["session"], _content_length(scope)
        refusal = self.refusal(session, announced)
        if refusal is not None:
            await _refuse(refusal, send_with_headers)
            return
        self._arriving[session] += announced or 0
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._arriving[session] -= announced or 0
            if not self._arriving[session]:
                del self._arriving[session]

    def refusal(self, session: str, announced: int | None) -> HTTPStatus | None:
        """Return why an upload of this many bytes is refused, or None when it may come in."""
        if announced is None:
            return HTTPStatus.LENGTH_REQUIRED  # every browser says it; without it nothing can be weighed beforehand
        stored = self._stored()
        if stored.get(session, 0) + self._arriving[session] + announced > self._session_bytes:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if sum(stored.values()) + self._arriving.total() + announced > self._total_bytes:
            return HTTPStatus.SERVICE_UNAVAILABLE
        return None


def _content_length(scope: "Scope") -> int | None:
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else None


async def _refuse(status: HTTPStatus, send: "Send") -> None:
    body = b"This upload is more than the app has memory for. Remove some photos and try again."
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
