"""What stands before a private Cloud Run service: lets in who brings an ID token for it, and passes the request on.

python -m tests.fakes.gate --port 8903 --to http://127.0.0.1:8000
Tokens are those of `tests.fakes.metadata`; their audience must be this gate's own address.
"""

import argparse
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.fakes.servers import Handler, audience_of, serve_for_ever, serving

_PAGE = "<html><head><title>403 Forbidden</title></head><body>Your client does not have permission.</body></html>"


@dataclass
class FakeGate:
    """Attributes:
    to: the service behind it.
    audience: whom tokens must be for; what the caller connected to where it is empty.
    forbids: whether it lets in nobody, whatever they bring.
    revoked: tokens that it does not take any more.
    asked: path and token of each request.
    refused: path and status of each that it did not let in.
    """

    to: str
    audience: str = ""
    forbids: bool = False
    url: str = ""
    revoked: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)

    def refusal(self, authorization: str, host: str) -> int:
        token = authorization.removeprefix("Bearer ")
        if token in self.revoked or audience_of(token, time.time()) != (self.audience or f"http://{host}"):
            return 401 if token else 403  # as Cloud Run answers: nobody at all, and somebody with a wrong token
        return 403 if self.forbids else 0


def handler(gate: FakeGate) -> type[BaseHTTPRequestHandler]:
    class Gate(Handler):
        def do_GET(self) -> None:
            self._pass(None)

        def do_POST(self) -> None:
            self._pass(self.rfile.read(int(self.headers["content-length"])))

        def _pass(self, body: bytes | None) -> None:
            authorization = self.headers["authorization"] or ""
            gate.asked.append((self.path, authorization.removeprefix("Bearer ")))
            if refusal := gate.refusal(authorization, self.headers["host"]):
                gate.refused.append((self.path, refusal))
                self.give(refusal, _PAGE, "text/html")
                return
            kept = {name: value for name, value in self.headers.items() if name.lower() in {"content-type", "accept"}}
            request = urllib.request.Request(gate.to + self.path, body, kept, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.give(answer.status, answer.read(), answer.headers["content-type"] or "")
            except urllib.error.HTTPError as error:
                self.give(error.code, error.read(), error.headers["content-type"] or "")

    return Gate


@contextmanager
def fake_gate(to: str) -> Iterator[FakeGate]:
    gate = FakeGate(to)
    with serving(handler(gate)) as gate.url:
        yield gate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--to", required=True)
    flags = parser.parse_args()
    serve_for_ever(handler(FakeGate(flags.to.rstrip("/"))), flags.port)


if __name__ == "__main__":
    main()
