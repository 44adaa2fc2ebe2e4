"""What stands before an object store on a bad day: slow, busy, cut off in the middle, refusing, or not there at all.

Faults are switched on and off while it runs; what none of them takes is passed on to the store behind.
"""

import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.servers import Handler

_ERROR = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>{}</Message><RequestId>1</RequestId></Error>"
)
_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Faulty:
    """Attributes:
    to: the store behind.
    asked: method and path of each request.
    answer: what it answers in place of the store, of the path that was asked for: status, code, words; or None.
    cut: after how many bytes of this path's body the connection breaks; None: it does not.
    wait: seconds before each answer.
    """

    to: str
    url: str = ""
    asked: list[str] = field(default_factory=list)
    answer: Callable[[str], tuple[int, str, str] | None] = lambda _: None
    cut: Callable[[str], int | None] = lambda _: None
    wait: float = 0
    server: ThreadingHTTPServer | None = None

    def well(self) -> None:
        """Take all faults away, and forget what was asked."""
        self.answer, self.cut, self.wait = lambda _: None, lambda _: None, 0
        self.asked.clear()
        if self.server is None:
            self.come()

    def go(self) -> None:
        """Be away: nobody listens on the port any more."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()
        self.server = None

    def come(self) -> None:
        """Listen, on the port of before where there was one."""
        port = urllib.parse.urlsplit(self.url).port or 0
        self.server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


def _handler(faulty: Faulty) -> type[BaseHTTPRequestHandler]:
    host = urllib.parse.urlsplit(faulty.to).netloc

    class Pass(Handler):
        disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms for the first

        def do_GET(self) -> None:
            self._pass()

        do_PUT = do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815 - as http.server calls them

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if faulty.server is None:  # a connection of before it went away
                self.close_connection = True
                return
            faulty.asked.append(f"{self.command} {self.path}")
            time.sleep(faulty.wait)
            if refusal := faulty.answer(self.path):
                status, code, words = refusal
                self.give(status, "" if self.command == "HEAD" else _ERROR.format(code, words), "application/xml")
                return
            store = http.client.HTTPConnection(host, timeout=30)
            store.request(self.command, self.path, body, dict(self.headers))
            answer = store.getresponse()
            content = answer.read()
            store.close()
            self._answer(answer, content)

        def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            length = answer.getheader("content-length") if self.command == "HEAD" else str(len(content))
            self.send_header("content-length", length or "0")
            self.end_headers()
            most = faulty.cut(self.path)
            self.wfile.write(content[:most])
            self.close_connection = most is not None and most < len(content)

    return Pass


@contextmanager
def faulty_store(to: str) -> Iterator[Faulty]:
    faulty = Faulty(to)
    faulty.come()
    try:
        yield faulty
    finally:
        if faulty.server is not None:
            faulty.go()
