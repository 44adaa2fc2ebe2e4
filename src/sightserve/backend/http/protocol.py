"""uvicorn's HTTP/1.1 protocol with the bounds that it lacks: on connections, heads, waiting, and requests sent ahead."""

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from sightserve.api.errors import ErrorCode
from sightserve.backend.http.departure import Departure, watch
from sightserve.backend.http.problems import MEDIA_TYPE, problem

# nginx and Apache take 32 and 64 KiB. What httptools has collected of a head is in memory, and uvicorn does not count it.
MOST_HEAD_BYTES: Final = 65_536
# One packet can hold ten thousand small requests, and each becomes some kilobytes of objects before the first is answered.
MOST_AHEAD: Final = 32
# Of a body, before the application takes it. More than an ordinary photo, which so arrives in one piece.
MOST_UNREAD_BYTES: Final = 256 * 1024
_TRY_AGAIN: Final = 1  # seconds, for whoever is one connection too many: some end all the time
_LAST_CALL: Final = 1.0  # seconds for a connection without a request when the server ends
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET: Final = struct.pack("ii", 1, 0)  # linger: on, for 0 seconds
_log = logging.getLogger(__name__)


class _Refused(Exception):
    """Makes the parser stop; its message is for the sender."""


class _Answer:
    """The transport as one request's cycle sees it: an answer's head goes out with its body, in one call and one packet."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        if not self._begun and data != _CONTINUE:  # which cannot wait: the body comes after it
            self._begun, self._head = True, data
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def flush(self) -> None:
        """Send a head to which no body belongs."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may take.

    Attributes:
        seconds: how long a request's headers may take, and a client to take its answer.
        connections: how many may be open at once.
        turned_away: called for each connection beyond that.
    """

    seconds: float
    connections: int = 4096
    turned_away: Callable[[], None] = lambda: None


Door = Callable[[bytes, Sequence[tuple[bytes, bytes]]], bytes | None]  # see `door.Door.refusal`


def protocol_within(bounds: Bounds, door: Door = lambda _url, _headers: None) -> type[HttpToolsProtocol]:
    """Return a protocol for uvicorn that keeps to these bounds, and asks at the door whether a POST is refused."""
    seconds = bounds.seconds

    class Protocol(HttpToolsProtocol):
        """Counts from the connection's start, and again from the first byte after each answer."""

        _headers_due: asyncio.TimerHandle | None = None
        _taken_due: asyncio.TimerHandle | None = None
        _running: RequestResponseCycle | None = None
        _departure: Departure
        _answer: "_Answer | None" = None
        _in_head = True
        _turned_away = False  # the request whose body arrives is answered already
        _head_bytes = 0  # of whole packets since the head began: what the parser may have collected without telling
        _refusal = "the request is not valid HTTP/1.1"

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: what the system holds for a client that takes nothing
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000)
                )
            if len(self.connections) > bounds.connections:
                bounds.turned_away()
                self._end_with(ErrorCode.OVERLOADED, "too many connections at once", {"retry-after": str(_TRY_AGAIN)})
                return
            self._expect_headers()

        def data_received(self, data: bytes) -> None:
            if self._in_head:
                self._head_bytes += len(data)
            super().data_received(data)
            if self.transport.is_closing():
                return
            if self._in_head and self._head_bytes > MOST_HEAD_BYTES:
                self._refusal = f"the request's headers are larger than {MOST_HEAD_BYTES:,} bytes"
                self.send_400_response(self._refusal)
            elif self._headers_due is None and not self._answering:
                # Empty lines, or the rest of a body that nobody reads any more: neither may hold the connection for ever.
                self._expect_headers()

        def on_headers_complete(self) -> None:
            self._forget()
            self._in_head = False
            if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD_BYTES:
                self._refuse(f"the request's headers are larger than {MOST_HEAD_BYTES:,} bytes")
            if len(self.pipeline) >= MOST_AHEAD:
                self._refuse(f"more than {MOST_AHEAD} requests were sent before the first was answered")
            if self._is_plain_post() and (refusal := door(self.url, self.headers)) is not None:
                self._turned_away = True
                self.transport.write(refusal)
                return
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            """Keep what arrived; uvicorn's copies it twice, and stops reading in the middle of every ordinary photo."""
            cycle = self.cycle
            if self._turned_away or cycle.response_complete:
                return
            if not cycle.body:
                cycle.body = body  # type: ignore[assignment]  # all that is asked of it is to become bytes
            else:
                cycle.body = bytearray(cycle.body) if isinstance(cycle.body, bytes) else cycle.body
                cycle.body += body
            if len(cycle.body) > MOST_UNREAD_BYTES:
                self.flow.pause_reading()
            cycle.message_event.set()

        def on_message_complete(self) -> None:
            if not self._turned_away:
                super().on_message_complete()
            self._in_head, self._head_bytes, self._turned_away = True, 0, False
            if not self.pipeline:
                self.flow.resume_reading()  # after a large body too: whoever does not read does not hear that a client has left

        def pause_writing(self) -> None:
            super().pause_writing()
            self._expect_taking()

        def resume_writing(self) -> None:
            super().resume_writing()
            if not self.transport.is_closing():
                self._forget_taking()

        def on_response_complete(self) -> None:
            if self._answer is not None:
                self._answer.flush()
            super().on_response_complete()
            if self.transport.is_closing():
                self._expect_taking()  # a transport closes once its last byte is taken, and that may be never

        def shutdown(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                # Accepted a moment ago: its request is on its way, and it would be lost on somebody who did nothing wrong.
                self._forget()
                self._headers_due = self.loop.call_later(_LAST_CALL, self._give_up)
                return
            super().shutdown()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            self._forget_taking()
            self._tell_the_running()
            super().connection_lost(exc)

        def _cut_off(self) -> None:
            self._tell_the_running()  # now: connection_lost comes a turn later, and a write in between is an error
            # With a reset: otherwise the system keeps what was not taken, up to some megabytes, and goes on offering it.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()

        def _tell_the_running(self) -> None:
            running = self._running
            if running is not None and not running.response_complete:
                # uvicorn tells only the last request that arrived, which with requests sent ahead is not the one at work
                running.disconnected = True
                running.message_event.set()
                self._departure.tell()

        def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
            self._running = cycle
            self._answer = cycle.transport = _Answer(cycle.transport)  # type: ignore[assignment]  # as much as a cycle asks of one
            self._departure = watch(cycle.scope)  # type: ignore[arg-type]  # a TypedDict takes no key of ours
            super()._start_asgi_task(cycle, app)

        def send_400_response(self, msg: str) -> None:
            """Answer what is no request as every other error is answered; `msg` is uvicorn's, for its log."""
            if self._running is not None and self._running.response_started and self._answering:
                self.transport.close()  # in the middle of another answer, which this would garble
                self._expect_taking()
                return
            request_id = self._end_with(ErrorCode.MALFORMED_REQUEST, self._refusal)
            _log.debug("%s (request %s)", msg, request_id)

        def _end_with(self, code: ErrorCode, detail: str, headers: Mapping[str, str] = MappingProxyType({})) -> str:
            """Answer with a problem, close the connection, and return the id under which the sender may ask about it."""
            request_id = f"{random.getrandbits(128):032x}"
            told = problem(code, detail, request_id)
            body = told.model_dump_json().encode()
            lines = {
                "content-type": MEDIA_TYPE, "content-length": len(body), "x-request-id": request_id,
                "x-content-type-options": "nosniff", "cache-control": "no-store", "connection": "close", **headers,
            }  # fmt: skip
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            self.transport.write(STATUS_LINE[told.status] + head.encode() + b"\r\n" + body)
            self.transport.close()
            self._expect_taking()
            return request_id

        def _is_plain_post(self) -> bool:
            """Whether a request can be answered before its body has come, with nothing of it left to think of."""
            parser = self.parser
            return (
                parser.get_method() == b"POST"
                and parser.get_http_version() == "1.1"
                and parser.should_keep_alive()
                and not parser.should_upgrade()
                and not self.expect_100_continue
                and not self._answering
                and not self.flow.write_paused  # who takes no answers waits in line, where more than a few are not read
            )

        @property
        def _answering(self) -> bool:
            return self._running is not None and not self._running.response_complete

        def _unsupported_upgrade_warning(self) -> None:
            """Say nothing: the request is answered as if it had not asked, and anybody could fill a disk with warnings."""

        def _refuse(self, why: str) -> None:
            self._refusal = why
            raise _Refused(why)

        def _expect_headers(self) -> None:
            self._headers_due = self.loop.call_later(seconds, self._give_up)

        def _forget(self) -> None:
            if self._headers_due is not None:
                self._headers_due.cancel()
                self._headers_due = None

        def _expect_taking(self) -> None:
            if self._taken_due is None:
                self._taken_due = self.loop.call_later(seconds, self._cut_off)

        def _forget_taking(self) -> None:
            if self._taken_due is not None:
                self._taken_due.cancel()
                self._taken_due = None

        def _give_up(self) -> None:
            self._headers_due = None
            if self._answering:
                self._expect_headers()  # an answer is under way; whoever sends ahead may wait for it
                return
            self.transport.close()

    return Protocol
