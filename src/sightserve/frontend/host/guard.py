"""The guard before Streamlit: tells browsers what the page may do, and closes doors of Streamlit's that nobody here uses.

Streamlit keeps every file that is uploaded its own way in memory until its session ends, and counts none of them.
"""

import re
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse

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
# Streamlit's own way in, since files come to `inbox` alone, which weighs them; and its counts of visitors, open to everybody.
_CLOSED: Final = re.compile(r".*/_stcore/(metrics|upload_file/.*)", re.DOTALL)


class Guard:
    """Pure ASGI: adds the headers to every answer, and closes doors of Streamlit's that nobody here uses."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

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

        if _CLOSED.fullmatch(scope["path"]):
            await PlainTextResponse("Not Found", status_code=404)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)
