"""One visitor's browser: the page over HTTP, its websocket, the upload; `page.Page` knows what the messages mean."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import websocket

from sightserve.loadtest.generator.page import Page, ProtocolChanged
from sightserve.loadtest.generator.web import Answer, Web, why

_ASSET: Final = re.compile(r'(?:src|href)="\.?/?(static/[^"]+)"')
_XSRF: Final = "_streamlit_xsrf"
_PART: Final = 4 * 2**20  # bytes of a file in one request
_PATIENCE: Final = 4  # times the timeout, for a page that shows that it goes on
_GOING_AWAY: Final = 1001  # what a browser says when its page is closed (RFC 6455, section 7.4.1)
_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": "Sightserve load test (like a browser)"}


class VisitFailed(Exception):
    """The visit cannot go on; the message is its cause, the same words for the same cause."""


class Browser:
    """Opens the web app and does there what a person does. Every method returns when the page has come to rest."""

    def __init__(self, url: str, timeout: float, *, assets: bool = False) -> None:
        self.page = Page()
        self.bytes = self.asked = (
            0  # what came over the network, and requests: their user takes note and sets them back
        )
        self._url, self._timeout, self._assets = url.rstrip("/"), timeout, assets
        self._web = Web(self._url, timeout, connections=6)  # as many as browsers open to one server
        self._socket: websocket.WebSocket | None = None
        self._token = ""
        self._pick = 0
        self._loaded: set[str] = set()

    def open(self, path: str = "") -> None:
        """Load the page, connect, and run its script for the first time.

        Raises:
            VisitFailed: something did not answer, or not in time.
        """
        html = self._get(f"/{path}")
        if self._assets:
            for asset in dict.fromkeys(_ASSET.findall(html.body.decode(errors="replace"))):
                self._get(f"/{asset}")
        health = self._get("/_stcore/health")
        self._get("/_stcore/host-config")
        self._token = _cookie(health.headers.get("set-cookie", ""), _XSRF)
        self._connect()
        self._send(self.page.opened(path))
        self._rest()
        self._load_media()

    def upload(self, place: str, files: list[tuple[str, bytes]]) -> None:
        """Bring files (name, bytes) to the page: send them, and say that they are there.

        Raises:
            VisitFailed: one did not get through.
        """
        if place == "batch":  # which takes them one by one, later
            self.offer(place, files)
            self.put(place, files)
        else:
            self.put(place, files)
            self.bring(place)

    def offer(self, place: str, files: list[tuple[str, bytes]]) -> None:
        """Say what was chosen, on a page that takes it later."""
        self._pick = time.time_ns() // 1_000_000
        self._send(self.page.offered(place, self._pick, [(name, len(data)) for name, data in files]))
        self._rest()

    def put(self, place: str, files: list[tuple[str, bytes]]) -> None:
        """Send files in parts, as the page's script does. Raises VisitFailed."""
        if place != "batch":
            self._pick = time.time_ns() // 1_000_000
        for index, (name, data) in enumerate(files):
            self.put_one(place, index, len(files), name, data)

    def put_one(self, place: str, index: int, of: int, name: str, data: bytes) -> None:
        """Send the file with this index `of` so many of the pick. Raises VisitFailed."""
        for offset in range(0, max(1, len(data)), _PART):
            address = self.page.address(place, self._pick, index, of, name, len(data), offset)
            headers = {"Content-Type": "application/octet-stream", "Origin": self._origin, **_HEADERS}
            self._expect(self._web.ask("PUT", address, data[offset : offset + _PART], headers), 204, "upload")

    def bring(self, place: str, shown: Callable[[], bool] = lambda: False) -> float:
        """Say that the files are there; return as `press`."""
        return self._act(self.page.came(place, self._pick), shown)

    def press(self, button: str, shown: Callable[[], bool] = lambda: False) -> float:
        """Press a button; return the seconds until what `shown` looks for was there, or the page came to rest.

        Raises:
            VisitFailed: it did not in time.
        """
        return self._act(self.page.pressed(button), shown)

    def _act(self, message: bytes, shown: Callable[[], bool]) -> float:
        started = time.perf_counter()
        self._send(message)
        self._until(lambda: shown() or not self.page.running)
        seconds = time.perf_counter() - started
        self._rest()
        self._load_media()
        return seconds

    def watch(self) -> None:
        """Run again the part of the page that asks for it, as its browser does, once."""
        if self.page.again is None:
            raise ProtocolChanged("the page does not look again by itself")
        self.stay(self.page.again[1])
        self._send(self.page.looked_again())
        self._rest()

    def stay(self, seconds: float) -> None:
        """Look at the page for a while; what the server sends meanwhile is read, its pings are answered."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            try:
                self._receive(left)
            except TimeoutError:
                return

    def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            # Not close(): it waits for an answer, and swallows what ends a user while it does (a bare `except`).
            with suppress(OSError, websocket.WebSocketException):
                self._socket.send_close(_GOING_AWAY)
            self._socket.shutdown()  # type: ignore[no-untyped-call]
            self._socket = None
        self._web.close()

    @property
    def _origin(self) -> str:
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}"

    def _connect(self) -> None:
        self.asked += 1
        address = f"ws{self._url.removeprefix('http')}/_stcore/stream"
        try:
            self._socket = websocket.create_connection(
                address,
                timeout=self._timeout,
                origin=self._origin,
                subprotocols=["streamlit", self._token] if self._token else ["streamlit"],
                cookie=f"{_XSRF}={self._token}",
                enable_multithread=False,
                # The environment may name a proxy: the load goes to the address that was said, as all else here does. The
                # second word is heeded only beside the first.
                http_proxy_host="unused",
                http_no_proxy=["*"],
            )
        except websocket.WebSocketBadStatusException as exc:
            raise VisitFailed(f"websocket: {exc.status_code}") from exc
        except (OSError, websocket.WebSocketException) as exc:
            raise VisitFailed(f"websocket: {_word(exc)}") from exc

    def _send(self, message: bytes) -> None:
        if self._socket is None:
            raise VisitFailed("websocket: not connected")
        try:
            self._socket.send_binary(message)
        except (OSError, websocket.WebSocketException) as exc:
            raise VisitFailed(f"websocket: {_word(exc)}") from exc

    def _receive(self, timeout: float) -> None:
        if self._socket is None:
            raise VisitFailed("websocket: not connected")
        self._socket.settimeout(max(0.01, timeout))
        try:
            data = self._socket.recv()
        except websocket.WebSocketTimeoutException as exc:
            raise TimeoutError from exc
        except (OSError, websocket.WebSocketException) as exc:
            raise VisitFailed(f"websocket: {_word(exc)}") from exc
        if not isinstance(data, bytes) or not data:
            raise VisitFailed("websocket: connection closed")
        self.bytes += len(data)
        self.page.read(data)

    def _until(self, there: Callable[[], bool]) -> None:
        # A page that says that the classifier is waking up goes on saying so: silence is what is given up.
        longest = time.perf_counter() + _PATIENCE * self._timeout
        while not there():
            try:
                if time.perf_counter() > longest:
                    raise TimeoutError
                self._receive(self._timeout)
            except TimeoutError as exc:
                raise VisitFailed("the page timed out") from exc

    def _rest(self) -> None:
        self._until(lambda: not self.page.running)

    def _get(self, path: str) -> Answer:
        return self._expect(self._web.ask("GET", path, headers=_HEADERS), 200, path[:40])

    def _load_media(self) -> None:
        for url in sorted(self.page.media - self._loaded):
            self._loaded.add(url)
            self._expect(self._web.ask("GET", url, headers=_HEADERS), 200, "a picture")

    def _expect(self, answer: Answer, status: int, what: str) -> Answer:
        self.asked += 1
        self.bytes += len(answer.body)
        if answer.status != status:
            raise VisitFailed(f"{what}: {answer.cause or answer.status}")
        return answer


def _word(exc: BaseException) -> str:
    if isinstance(exc, websocket.WebSocketConnectionClosedException):
        return "connection closed"
    return "timed out" if isinstance(exc, websocket.WebSocketTimeoutException) else why(exc)


def _cookie(header: str, name: str) -> str:
    match = re.search(rf"(?:^|[,\s]){re.escape(name)}=([^;,]+)", header)
    return match[1] if match else ""
