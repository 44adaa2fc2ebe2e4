"""HTTP as a user's program or browser speaks it, on gevent: kept connections, and a clock around every request."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from geventhttpclient.client import HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.url import URL

_BOUNDARY: Final = "sightserve-loadtest-2b9e"
FAILURES: Final = (OSError, HTTPConnectionClosed, HTTPParseError, EOFError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0: nothing did, and `cause` says why."""

    status: int
    body: bytes
    headers: dict[str, str]
    seconds: float
    cause: str = ""


class Web:
    """One user's connections to one server."""

    def __init__(self, url: str, timeout: float, connections: int = 1) -> None:
        parsed = URL(url)
        self._prefix = parsed.path.rstrip("/")
        self._client = HTTPClient.from_url(
            url, concurrency=connections, connection_timeout=timeout, network_timeout=timeout
        )

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Send one request and read its whole answer; nothing is raised for what the network does."""
        started = time.perf_counter()
        try:
            answer: Any = self._client.request(method, self._prefix + path, body, headers or {})
            content = bytes(answer.read())
            status, found = int(answer.status_code), {str(k).lower(): str(v) for k, v in answer.items()}
            answer.release()
        except FAILURES as exc:
            return Answer(0, b"", {}, time.perf_counter() - started, why(exc))
        return Answer(status, content, found, time.perf_counter() - started)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


def form(photos: Iterable[tuple[str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """Return a multipart body with these JPEGs (name, bytes), each in a field named file, and the header that says so."""
    body = bytearray()
    for name, data in photos:
        disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        body += f"--{_BOUNDARY}\r\n{disposition}\r\nContent-Type: image/jpeg\r\n\r\n".encode() + data + b"\r\n"
    body += f"--{_BOUNDARY}--\r\n".encode()
    return bytes(body), {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


def why(exc: BaseException) -> str:
    """Return what went wrong on the network in a word or two: the same cause always has the same words."""
    if isinstance(exc, TimeoutError):
        return "timed out"
    if isinstance(exc, ConnectionRefusedError):
        return "connection refused"
    if isinstance(exc, ConnectionError | HTTPConnectionClosed | EOFError):
        return "connection closed"
    return type(exc).__name__
