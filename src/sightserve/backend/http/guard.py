"""Data path: socket -> [bounds] -> uvicorn's HTTP/1.1 -> the application. Around uvicorn's protocol, not inside it.

A `Guard` holds one protocol of uvicorn's, hands it what arrives, and is its transport. What it adds is what uvicorn has no
setting for: how long a head may take, a reader that takes nothing, an end that lets an early answer be read, and who is told
that a client has left. Which of uvicorn's and httptools' attributes it looks at is in docs/decisions/internals.md.
"""

import asyncio
import socket
import struct
from typing import Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sightserve.api.errors import ErrorCode
from sightserve.backend.http.disconnect import Disconnect, serving
from sightserve.backend.http.parser import Parser
from sightserve.backend.http.transport import GuardedTransport

# After an answer that came before the body's end: what is still on its way is read and dropped, for as long as a head may take
# and no longer than this without a byte. Else the system would reset the connection, and many clients (Python's http.client)
# would never see the answer.
_LINGER_IDLE_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 32 * 2**20  # the largest upload that is taken
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 seconds


class Host(Protocol):
    """What a guard asks of whoever keeps all of them; see `connections.Connections`."""

    header_timeout: float
    keep_alive: float

    def admit(self, guard: "Guard") -> bool:
        """Whether one more connection may be open."""

    def forget(self, guard: "Guard") -> None:
        """Note that a connection has ended."""

    def problem(self, code: ErrorCode, detail: str) -> bytes:
        """Return a whole answer that ends a connection, counted and logged."""


class Guard(asyncio.Protocol):
    """One connection, from its first byte to its last.

    Attributes:
        since: when what it does now began, by the event loop's clock.
    """

    def __init__(self, host: Host, inner: HttpToolsProtocol) -> None:
        self._host = host
        self._inner = inner
        self._parser = Parser(inner)
        inner.parser = self._parser  # type: ignore[assignment]  # all of a parser that uvicorn calls
        self._loop = asyncio.get_running_loop()
        self._disconnect = Disconnect()
        self._unsent: list[bytes] = []
        self._inner_pauses = False
        self._half_closed = False
        self._ended = False  # uvicorn has been told that the connection is lost
        self._last = False  # nothing more is read: answer what is at work, say why, and close
        self._closing = False  # no further answer, and what arrives is dropped
        self._lingering = False
        self._lingered = 0  # bytes dropped
        self._phase: tuple[str, int] | None = None
        self._written = self._taken = 0
        self.since = self._heard = self._taken_at = self._loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a stream's, always
        """Begin, or tell the client that it is one too many."""
        self._transport = transport
        connection = transport.get_extra_info("socket")
        self._tls = transport.get_extra_info("sslcontext") is not None
        if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family != socket.AF_UNIX:
            # Linux: what the system holds for a client that takes nothing
            timeout = round(self._host.header_timeout * 1000)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
        if self._host.admit(self):
            self._inner.connection_made(GuardedTransport(transport, self))
            return
        self._ended = True  # for uvicorn it never began
        self._refuse(ErrorCode.OVERLOADED, "too many connections at once")

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived."""
        if self._closing:
            self._drop(len(data))
            return
        if self._last:
            return
        ahead = self._inner_pauses
        serving(self._disconnect)
        self._inner.data_received(data)
        if ahead and self._inner_pauses and not self._closing:
            # Only now, one read later than uvicorn asks for it: so an ordinary photo arrives without a pause in its middle,
            # and while a request is at work somebody still listens for the client to leave.
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Take a half-closed connection for a client that has left, as nginx and Go do: nothing tells the two apart.

        Who works for it is told; what is answered all the same is sent. Returns whether our side stays open for that.
        """
        if self._closing or self._tls or not self._at_work or self._parser.in_body:
            self._write()  # the last answer may be made and not have left yet: what closes now takes along what is written
            return False
        self._half_closed = True
        self._disconnect.notify()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody."""
        self._host.forget(self)
        self._closing = True
        if self._at_work:
            self._disconnect.notify()
        self._end()

    def pause_writing(self) -> None:
        """Tell uvicorn that its client takes its answers slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Tell uvicorn that its client has caught up."""
        self._inner.resume_writing()

    @property
    def fresh(self) -> bool:
        """Whether its first request is still on its way."""
        return not self._written and not self._at_work and not self._closing

    @property
    def closing(self) -> bool:
        """Whether it ends or has ended."""
        return self._closing or self._transport.is_closing()

    @property
    def _at_work(self) -> bool:
        """Whether a request's head is in and its answer is not out."""
        cycle = self._inner.cycle
        return not self._ended and (bool(self._inner.pipeline) or (cycle is not None and not cycle.response_complete))

    def send(self, data: bytes) -> None:
        """Write for uvicorn: an answer's head and body in one packet."""
        if self._closing:
            return
        if self._parser.refusal is not None and not self._last:
            self._end_unreadable()  # this is uvicorn's plain 400
            return
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)

    def _end_unreadable(self) -> None:
        """Say in a problem, like in all others, that this is no HTTP; after what was asked before it is answered."""
        if self._at_work and not self._parser.in_body:
            self._last = True
            self._transport.pause_reading()
        elif self._at_work and self._inner.cycle.response_started:
            self._linger()  # in the middle of its own answer, which this would garble
        else:
            self._refuse(ErrorCode.MALFORMED_REQUEST, self._parser.refusal or "")

    def _flush(self) -> None:
        self._write()
        if self._closing or self._at_work:
            return
        if self._last:
            self._refuse(ErrorCode.MALFORMED_REQUEST, self._parser.refusal or "")
        elif self._half_closed:
            self._close()

    def _write(self) -> None:
        if self._unsent and not self._transport.is_closing():
            data = b"".join(self._unsent)
            self._written += len(data)
            self._transport.write(data)
        self._unsent.clear()

    def finish(self) -> None:
        """Close for uvicorn, once what was written is taken; when more is on its way, read that first, within bounds."""
        if self._closing:
            return
        if self._parser.refusal is not None and self._at_work:
            return  # asked for with the plain 400; `_flush` closes
        if self._parser.in_body:
            self._linger()
        else:
            self._close()

    def _refuse(self, code: ErrorCode, detail: str) -> None:
        self._unsent.append(self._host.problem(code, detail))
        self._linger()

    def _linger(self) -> None:
        self._closing = self._lingering = True
        self._write()
        self.since = self._heard = self._loop.time()
        self._loop.call_soon(self._end)  # whoever still waits for the rest of the body waits in vain
        if not self._transport.is_closing():
            if self._transport.can_write_eof():  # not under TLS
                self._transport.write_eof()
            self._transport.resume_reading()

    def _drop(self, count: int) -> None:
        self._heard = self._loop.time()
        self._lingered += count
        if self._lingered > _LINGER_BYTES:
            self.cut_off()

    def _close(self) -> None:
        self._closing = True
        self._write()
        self._transport.close()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._inner.connection_lost(None)  # never with a reason: it would forget to stop a timer of its own

    def cut_off(self) -> None:
        """End it at once, with a reset: else the system keeps what was not taken, up to some MB, and goes on offering it."""
        if self._at_work:
            self._disconnect.notify()  # now: connection_lost comes a turn later, and a write in between is an error
        self._closing = True
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def pause_reading(self) -> None:
        """Stop reading for uvicorn, after one read more: see `data_received`."""
        self._inner_pauses = True

    def resume_reading(self) -> None:
        """Read on for uvicorn."""
        self._inner_pauses = False
        if not self._last and not self.closing:
            self._transport.resume_reading()

    def check(self, now: float) -> None:
        """End what takes too long. Called on a clock: a timer for every request would cost more than all else here.

        Args:
            now: the event loop's time, in seconds.
        """
        unsent = self._transport.get_write_buffer_size()
        taken = self._written - unsent
        if not unsent or taken != self._taken:
            self._taken, self._taken_at = taken, now
        elif now - self._taken_at > self._host.header_timeout:
            self.cut_off()  # a reader that makes progress may take as long as it likes; this one takes nothing
            return
        if self._lingering:
            if unsent:
                self.since = self._heard = now
            elif now - self.since > self._host.header_timeout or now - self._heard > _LINGER_IDLE_SECONDS:
                self._transport.abort()
        elif not self._closing:
            self._check_patience(now)

    def _check_patience(self, now: float) -> None:
        phase = (self._where(), self._written)
        if phase != self._phase:
            self._phase, self.since = phase, now
            return
        patience = {"idle": self._host.keep_alive, "head": self._host.header_timeout}.get(phase[0])
        if patience is not None and now - self.since > patience:
            self._close()

    def _where(self) -> str:
        if self._at_work:
            return "work"
        # One that never sent a request is not idle: it has begun a head, perhaps of no byte yet. And the rest of a body that
        # nobody reads any more may not hold the connection for ever either.
        return "head" if not self._written or self._parser.partial else "idle"
