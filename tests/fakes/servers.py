"""What the fakes share: a small HTTP server on loopback, in this process or as a command of its own."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCESS_TOKEN = "fake-access-token"  # what the metadata server hands out, and the Cloud Run API takes
_KEY = b"the fakes sign with this"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def give(self, status: int, body: object, content_type: str = "application/json", **headers: str) -> None:
        content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Serve on loopback while the block runs; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def serve_for_ever(handler: type[BaseHTTPRequestHandler], port: int) -> None:
    with serving(handler, port) as url:
        print(url, flush=True)
        threading.Event().wait()


def id_token(audience: str, expires: float, serial: int = 0) -> str:
    """An ID token as Google's look, signed with a key of our own."""
    head = _part({"alg": "HS256", "typ": "JWT"})
    claims = _part({"aud": audience, "exp": int(expires), "email": "frontend@fake", "serial": serial})
    return f"{head}.{claims}.{_signature(head, claims)}"


def audience_of(token: str, now: float) -> str | None:
    """Whom a token is for; None where it is expired or not signed by the fakes."""
    try:
        head, claims, signature = token.split(".")
        content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return None
    if not hmac.compare_digest(signature, _signature(head, claims)) or content["exp"] < now:
        return None
    return str(content["aud"])


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _signature(head: str, claims: str) -> str:
    digest = hmac.digest(_KEY, f"{head}.{claims}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
