"""Streamlit's own scripts, compressed once and kept, and small fonts; the page's shell, painted before any script has run.

Streamlit compresses what it makes anew, but not its scripts, of which a first visit takes three megabytes.
"""

import asyncio
import html
import mimetypes
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import brotli
import streamlit

from sightserve.frontend.host.fonts import fonts, put_in, without_icons

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOT: Final = Path(streamlit.__file__).parent / "static"
_NAME: Final = re.compile(r".*?/(?P<name>(?:static/(?:js|css|media)|own)/[^/]+)")
_SUFFIXES: Final = (".js", ".css")
_BROTLI: Final = 9  # 11 takes ten times as long, for a twentieth less
_BROTLI_AT_ONCE: Final = 5  # for the page, which is made anew: 0.2 ms
_GZIP: Final = 9
# A name holds its content's hash: as Streamlit says of them, uncompressed.
_KEPT: Final = b"public, immutable, max-age=31536000"

# What the Photo page needs beside what Streamlit's page names itself, by the part of the name before the hash: without a word
# of ours a browser finds out one after the other, each after a way there and back.
PRELOADED: Final = (
    "Html", "purify.es", "PageLink", "BidiComponent", "_arrayReduce", "serialization", "recordbatch", "Button",
)  # fmt: skip

# Its page is asked for whole and as it is: we change it, and then compress it.
_OF_STREAMLITS_PAGE: Final = {b"accept-encoding", b"if-none-match", b"if-modified-since"}

_SHELL: Final = """<div id="root"><style>
.shell { font: 600 1.1rem/1.5 system-ui, sans-serif; color: #16302d; background: #fff; min-height: 100vh; }
.shell { padding: 5.5rem 1rem; }
.shell p { max-width: 70rem; margin: 0 auto; } .shell p + p { font-weight: 400; margin-top: 0.5rem; }
@media (prefers-color-scheme: dark) { .shell { color: #e6f0ee; background: #0f1716; } }
</style><div class="shell" role="status"><p>NAME</p><p>Loading &hellip;</p></div></div>"""


class Assets:
    """Pure ASGI: answers for Streamlit's scripts and styles, and fills its empty page; hands on everything else."""

    def __init__(
        self, app: "ASGIApp", name: str, root: Path = ROOT, own: Mapping[str, Callable[[], bytes]] | None = None
    ) -> None:
        """Find the files; nothing is compressed before it is asked for.

        Args:
            app: what is before.
            name: of the app, for the shell.
            root: of Streamlit's static files.
            own: scripts and pictures of the app's own, by the names that they are served under.
        """
        self._app = app
        self._files: dict[str, Callable[[], bytes]] = {
            path.relative_to(root).as_posix(): path.read_bytes
            for path in root.rglob("static/*/*")
            if path.suffix in _SUFFIXES
        }
        self._files |= own or {}
        self._fonts = fonts()
        self._kept: dict[tuple[str, str], asyncio.Future[bytes]] = {}
        self._shell = _SHELL.replace("NAME", html.escape(name)).encode()
        self._title = f"<title>{html.escape(name)}</title>".encode()
        self._preloads = "".join(
            f'<link rel="modulepreload" crossorigin href="./{found}">'
            for found in [*(name for name in own or {} if name.endswith(".js")), *preloaded(self._files)]
        ).encode()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        match = _NAME.fullmatch(scope["path"])
        encoding = accepted(asked.get(b"accept-encoding", ""))
        head = scope["method"] == "HEAD"
        if match is not None and match["name"] in self._fonts:
            body = await asyncio.to_thread(self._fonts[match["name"]].path.read_bytes)
            await _send(body, [(b"content-type", b"font/woff2"), (b"cache-control", _KEPT)], send, head=head)
        elif match is None or match["name"] not in self._files:
            if "text/html" in asked.get(b"accept", ""):
                scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in _OF_STREAMLITS_PAGE]}
            await self._app(scope, receive, self._filled(send, encoding))
        elif (encoding == "" or b"range" in asked) and match["name"].startswith("static/"):
            await self._app(scope, receive, send)
        else:
            if not match["name"].endswith(_SUFFIXES):  # a picture is packed already
                encoding = ""
            body = await self._compressed(match["name"], encoding)
            kind = mimetypes.guess_type(match["name"])[0] or "application/octet-stream"
            headers = [
                (b"content-type", f"{kind}; charset=utf-8".encode()),
                *([(b"content-encoding", encoding.encode())] if encoding else []),
                (b"cache-control", _KEPT),
                (b"vary", b"accept-encoding"),
            ]
            await _send(body, headers, send, head=head)

    async def _compressed(self, name: str, encoding: str) -> bytes:
        """Return a file's bytes; who asks while they are made waits for the same."""
        kept = self._kept.get((name, encoding))
        if kept is None:
            kept = asyncio.ensure_future(asyncio.to_thread(_compress, name, self._files[name], encoding))
            self._kept[name, encoding] = kept
        return await asyncio.shield(kept)

    def _filled(self, send: "Send", encoding: str) -> "Send":
        """Return what sends an answer on, with the shell and the fonts in it where it is Streamlit's empty page."""
        start: Message | None = None
        body = b""

        async def fill(message: "Message") -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
                return
            if start is None or message["type"] != "http.response.body":
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            page = body.replace(b'<div id="root"></div>', self._shell).replace(b"<title>Streamlit</title>", self._title)
            page = put_in(page.replace(b"</head>", self._preloads + b"</head>"), self._fonts)
            own = {b"content-length", b"etag", b"last-modified", b"accept-ranges", b"vary"}
            headers = [(name, value) for name, value in start["headers"] if name.lower() not in own]
            headers.append((b"vary", b"accept-encoding"))
            if encoding:
                page = _packed(page, encoding, _BROTLI_AT_ONCE)
                headers.append((b"content-encoding", encoding.encode()))
            headers.append((b"content-length", str(len(page)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": page})

        return fill


async def _send(body: bytes, headers: list[tuple[bytes, bytes]], send: "Send", *, head: bool) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(HTTPStatus.OK), "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _is_page(message: "Message") -> bool:
    headers = dict(message.get("headers", []))
    plain = b"content-encoding" not in headers
    return message["status"] == HTTPStatus.OK and plain and headers.get(b"content-type", b"").startswith(b"text/html")


def accepted(header: str) -> str:
    """Return the best encoding that a browser takes (RFC 9110, section 12.5.3): br, gzip, or none."""
    taken: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        weight = re.search(r"q\s*=\s*([0-9.]+)", parameters)
        taken[name.strip()] = float(weight[1]) if weight and weight[1].count(".") <= 1 and weight[1] != "." else 1.0
    return next((name for name in ("br", "gzip") if taken.get(name, taken.get("*", 0.0)) > 0), "")


def preloaded(files: Iterable[str]) -> list[str]:
    """Return the names of the scripts that the Photo page needs."""
    by_stem = {re.sub(r"\.[^.]+\.js$", "", Path(name).name): name for name in files if name.endswith(".js")}
    return [by_stem[stem] for stem in PRELOADED if stem in by_stem]


def _compress(name: str, read: Callable[[], bytes], encoding: str) -> bytes:
    data = without_icons(read()) if name.endswith(".css") else read()
    return _packed(data, encoding, _BROTLI)


def _packed(data: bytes, encoding: str, quality: int) -> bytes:
    if encoding == "":
        return data
    if encoding == "br":
        return bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=quality))
    packer = zlib.compressobj(_GZIP, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
