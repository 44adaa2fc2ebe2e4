"""Data path: bytes -> [llhttp, by httptools] -> the callbacks of uvicorn's protocol -> the application.

uvicorn's protocol makes an `httptools.HttpRequestParser` that calls it back. A `Parser` takes its place and stands between the
two: towards uvicorn it is such a parser, towards httptools it is what is called back. So it can do what both leave out:

- trailers are bounded, and dropped: a key in a trailer would let in, and uvicorn adds them to a request's headers;
- heads are bounded, and so are requests sent ahead;
- an `Upgrade` is ignored: httptools stops at the end of such a head, and the body would be lost (every stock Java client offers
  h2c with its first POST).
"""

from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# nginx and Apache take 32 and 64 KiB. What httptools has collected of a head is in memory, and nobody else counts it.
MAX_HEAD_BYTES: Final = 65_536
# One packet can hold ten thousand small requests, and each becomes some kilobytes of objects before the first is answered.
MAX_AHEAD: Final = 32
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_Bytes = bytes | memoryview


class TooMuch(Exception):
    """More of something than there may be."""


class Parser:
    """Reads one connection's requests, one after another.

    Attributes:
        refusal: once the bytes are no HTTP that we take: why, for their sender.
        in_body: a request's head is in and its body is not.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._parser = self._new()
        self._framing: list[tuple[bytes, bytes]] = []
        self._in_head = True
        self._counted = 0  # bytes of this head, or of these trailers
        self._unseen = 0  # bytes fed since the last that was a body's or the end of a request
        self._replays = False
        self._begun = False
        self.refusal: str | None = None
        self.in_body = False

    def _new(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # as uvicorn has it: what comes after a request with `Connection: close` is no reason not to answer that
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    @property
    def partial(self) -> bool:
        """Whether something of a request has come, and not all of it."""
        return self._begun or self._unseen > 0

    # as uvicorn calls it

    def feed_data(self, data: _Bytes) -> None:
        """Parse what has arrived.

        Raises:
            httptools.HttpParserError: it is no HTTP that we take: see `refusal`.
        """
        self._unseen += len(data)
        try:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as exc:
                self._go_on(memoryview(data)[exc.args[0] :])
            if self._unseen > MAX_HEAD_BYTES:
                self._refuse(f"the request's headers are larger than {MAX_HEAD_BYTES:,} bytes")
        except (httptools.HttpParserError, TooMuch) as exc:
            self.refusal = self.refusal or "the request is not valid HTTP/1.1"
            raise httptools.HttpParserError(self.refusal) from exc

    def _go_on(self, rest: memoryview) -> None:
        """Read on after a head with an `Upgrade`, with another parser that was told how long the body is and nothing else."""
        self._parser = self._new()
        self._replays = True
        framing = b"".join(b"%b: %b\r\n" % line for line in self._framing)
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        if rest:
            self.feed_data(rest)

    def should_upgrade(self) -> bool:
        """Say no: whatever is offered, we go on with HTTP/1.1 (RFC 9110, section 7.8)."""
        return False

    def get_method(self) -> bytes:
        """Return the method of the request whose head is complete."""
        return self._parser.get_method()

    def get_http_version(self) -> str:
        """Return its version."""
        return self._parser.get_http_version()

    def should_keep_alive(self) -> bool:
        """Return whether its connection may carry another."""
        return self._parser.should_keep_alive()

    # as httptools calls back

    def on_message_begin(self) -> None:
        """Begin a head."""
        if not self._replays:
            self._begun = True
            self._framing = []
            self._counted = 0
            self._in_head = True
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        if not self._replays:
            self._count(len(url))
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; drop a trailer."""
        if self._replays:
            return
        self._count(len(name) + len(value))
        if self._in_head:
            if name.lower() in _FRAMING:
                self._framing.append((name, value))
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head; uvicorn begins to answer."""
        if self._replays:
            self._replays = False
            return
        if len(self._protocol.pipeline) >= MAX_AHEAD:
            self._refuse(f"more than {MAX_AHEAD} requests were sent before the first was answered")
        self._in_head = False
        self._counted = 0
        self.in_body = True
        self._protocol.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._unseen = 0
        self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        """End a request. With an `Upgrade` it only seems to end: its body follows, see `_go_on`."""
        if not self._parser.should_upgrade():
            self._unseen = 0
            self._begun = self.in_body = False
            self._protocol.on_message_complete()

    def _count(self, count: int) -> None:
        self._counted += count
        if self._counted > MAX_HEAD_BYTES:
            self._refuse(f"the request's headers are larger than {MAX_HEAD_BYTES:,} bytes")

    def _refuse(self, why: str) -> None:
        self.refusal = why
        raise TooMuch(why)
