"""What stands before a backend on a bad day: every third prediction is answered in its place, or its connection breaks.

The pages are those of Cloud Run (429, 500, 503), of an ingress (502, 504) and of a balancer that hangs up; all else, health and
the model's description too, is passed on.
"""

import itertools
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.fakes.servers import Handler, serving

PAGES: tuple[tuple[int, str, dict[str, str]], ...] = (
    (429, "Rate exceeded.", {}),
    (502, "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>", {}),
    (503, "<html><title>503 Service Unavailable</title>The service is unavailable.</html>", {"Retry_After": "0"}),
    (504, "upstream request timeout", {}),
    (500, "The request was aborted because there was no available instance.", {}),
    (0, "", {}),
)


@dataclass
class Front:
    """Attributes:
    to: the service behind it.
    asked: how many predictions came.
    refused: the statuses that it answered itself, 0 for a connection that broke.
    """

    to: str
    url: str = ""
    asked: int = 0
    refused: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def handler(front: Front) -> type[BaseHTTPRequestHandler]:
    pages = itertools.cycle(PAGES)

    class Pass(Handler):
        def do_GET(self) -> None:
            self._pass(None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with front.lock:
                front.asked += 1
                page = next(pages) if front.asked % 3 == 0 else None
                front.refused += [] if page is None else [page[0]]
            if page is None:
                self._pass(body)
            elif page[0] == 0:
                self.close_connection = True
            else:
                self.give(page[0], page[1], "text/html", **page[2])

        def _pass(self, body: bytes | None) -> None:
            kept = {
                name: value for name, value in self.headers.items() if name.lower() in {"content-type", "x-api-key"}
            }
            request = urllib.request.Request(front.to + self.path, body, kept, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.give(answer.status, answer.read(), answer.headers["content-type"] or "")
            except urllib.error.HTTPError as error:
                self.give(error.code, error.read(), error.headers["content-type"] or "")

    return Pass


@contextmanager
def fake_front(to: str) -> Iterator[Front]:
    front = Front(to)
    with serving(handler(front)) as front.url:
        yield front
