"""Our end on an event loop: nothing here ever waits for the child."""

import asyncio
import socket
from collections.abc import Callable, Sequence

from sightserve.sandbox.process import Child
from sightserve.sandbox.wire import Message, take

_READ_BYTES = 8_192
# An ordinary photo fits, and goes out in one call. The system may give less; the rest then follows as the child reads.
_SEND_BUFFER = 256 * 1024


class Channel:
    """Speaks with one child that answers when it is asked. From `attach` on everything is called on the event loop."""

    def __init__(self, child: Child) -> None:
        """Take over a child."""
        child.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self.child = child
        self._received = bytearray()
        self._unsent: list[memoryview] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, heard: Callable[[Message], Callable[[], None]], lost: Callable[[Exception], None]) -> None:
        """Listen to it on the running event loop.

        Args:
            heard: makes of each message what is to be done about it; what it raises ends the relation: the child makes no
                sense. What is then done is ours, and its errors are too.
            lost: called once when the child is dead, or said what makes no sense; nothing is called after that.
        """
        self._heard, self._lost = heard, lost
        self._loop = asyncio.get_running_loop()
        self.child.connection.setblocking(False)
        self._loop.add_reader(self.child.connection, self._read)

    def send(self, parts: Sequence[bytes]) -> None:
        """Begin to send; to be called again only once that was answered, so that no more than this ever waits in memory."""
        self._unsent = [memoryview(part) for part in parts]
        self._write()
        if self._unsent and self._loop is not None:
            self._loop.add_writer(self.child.connection, self._write_on)

    def close(self) -> None:
        """Hear and say nothing more; the child ends when it notices."""
        if self._loop is not None and self.child.connection.fileno() >= 0:
            self._loop.remove_reader(self.child.connection)
            self._loop.remove_writer(self.child.connection)
        self._unsent.clear()
        self.child.connection.close()

    def _write(self) -> None:
        """Send as much as the child has room for."""
        try:
            sent = self.child.connection.sendmsg(self._unsent)
        except BlockingIOError:
            return
        except OSError:  # it is dead: `_read` hears that too, and says so
            self._unsent.clear()
            return
        while self._unsent and sent >= len(self._unsent[0]):
            sent -= len(self._unsent.pop(0))
        if self._unsent:
            self._unsent[0] = self._unsent[0][sent:]

    def _write_on(self) -> None:
        self._write()
        if not self._unsent and self._loop is not None:
            self._loop.remove_writer(self.child.connection)

    def _read(self) -> None:
        try:
            piece = self.child.connection.recv(_READ_BYTES)
            if not piece:
                raise EOFError("the other end has closed")
            self._received += piece
            message = take(self._received)
            if message is None:
                return
            if self._received:
                raise ValueError("more than one message: it speaks only when it is asked")
            todo = self._heard(message)
        except BlockingIOError:
            return
        except Exception as exc:  # noqa: BLE001 - a child may have been taken over: nothing that it says may harm us
            self.close()
            self._lost(exc)
            return
        todo()
