"""Open loop: requests leave when they are due, whether or not earlier ones are answered. Raw sockets, one epoll.

People do not wait for each other before they press a button: only such a load shows what a server does when more is asked
than it can do. Run as a program so that its CPU time can be told from the server's: reads one JSON line with the plan,
writes one with the outcomes.
"""

import gc
import json
import resource
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from bench.schedule import Outcome

_SEND_BUFFER = 1 << 20  # bytes: a photo leaves in one system call
_EVENTS = select.EPOLLIN | select.EPOLLRDHUP


class _Connection:
    """One socket and the request that is on it."""

    __slots__ = ("answer", "blocked", "index", "rest", "reused", "sent", "sock", "started")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.index = -1  # of the request; -1: idle
        self.rest: memoryview | None = None  # what of it is not sent yet
        self.answer = bytearray()
        self.sent = self.started = 0.0
        self.reused = False
        self.blocked = False  # whether epoll tells us when the kernel takes more


class Generator:
    """Sends each request at its time and notes what comes back."""

    def __init__(self, port: int, requests: Sequence[bytes], times: Sequence[float], patience: float) -> None:
        """Prepare.

        Args:
            port: on loopback.
            requests: whole HTTP requests, cycled over.
            times: intended send times, seconds from the start, ascending.
            patience: seconds after which a request is given up and its connection closed.
        """
        self._port, self._requests, self._times, self._patience = port, requests, times, patience
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[float, int, _Connection]] = deque()  # in the order of giving up
        self._outcomes: list[Outcome | None] = [None] * len(times)
        self._open = len(times)
        self._zero = 0.0

    def run(self) -> list[Outcome]:
        """Send everything, wait for every answer or until patience ends, return the outcomes in order."""
        self._zero = time.perf_counter() + 0.05
        following = 0
        while self._open:
            now = time.perf_counter() - self._zero
            while following < len(self._times) and self._times[following] <= now:
                self._send(following)
                following += 1
            self._give_up(now)
            wake = self._times[following] if following < len(self._times) else now + 0.05
            for descriptor, events in self._epoll.poll(max(0.0, wake - (time.perf_counter() - self._zero))):
                if connection := self._connections.get(descriptor):
                    self._handle(connection, events)
        for connection in list(self._connections.values()):
            self._drop(connection)
        return [outcome for outcome in self._outcomes if outcome is not None]

    def _send(self, index: int) -> None:
        connection = self._idle.pop() if self._idle else self._connect()
        connection.index = index
        connection.rest = memoryview(self._requests[index % len(self._requests)])
        connection.started = time.perf_counter() - self._zero
        self._waiting.append((connection.started + self._patience, index, connection))
        self._write(connection)

    def _connect(self) -> _Connection:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex(("127.0.0.1", self._port))
        connection = self._connections[sock.fileno()] = _Connection(sock)
        self._epoll.register(sock.fileno(), _EVENTS)
        return connection

    def _handle(self, connection: _Connection, events: int) -> None:
        if events & select.EPOLLOUT and connection.rest is not None:
            self._write(connection)
        if events & ~select.EPOLLOUT and connection.sock.fileno() >= 0:
            self._read(connection)

    def _write(self, connection: _Connection) -> None:
        rest = connection.rest
        if rest is None:
            return
        try:
            rest = rest[connection.sock.send(rest) :]
        except BlockingIOError:
            pass
        except OSError:  # it hung up on us; its answer may still be there to read
            connection.rest = None
            self._read(connection)
            return
        connection.rest = rest or None
        if connection.blocked != bool(rest):
            connection.blocked = bool(rest)
            self._epoll.modify(connection.sock.fileno(), _EVENTS | select.EPOLLOUT if rest else _EVENTS)

    def _read(self, connection: _Connection) -> None:
        ended = False
        try:
            data = connection.sock.recv(65536)
            ended = not data
            connection.answer += data
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if connection.index < 0:  # an idle connection: the server closed it
            self._idle.remove(connection)
            self._drop(connection)
            return
        status, complete, keep = parse(connection.answer, ended=ended)
        if complete:
            unsent = connection.rest is not None  # answered before it had our whole request: a refusal
            self._finish(connection, status, keep=keep and not unsent and not ended)
        elif ended:
            self._broken(connection)

    def _broken(self, connection: _Connection) -> None:
        index, reused = connection.index, connection.reused and not connection.answer
        if reused:  # the server closed an idle connection just as we used it: every HTTP client tries again
            self._drop(connection)
            self._send(index)
        else:
            self._finish(connection, 0, keep=False)

    def _finish(self, connection: _Connection, status: int, *, keep: bool) -> None:
        index, now = connection.index, time.perf_counter() - self._zero
        self._outcomes[index] = Outcome(self._times[index], connection.started, now, status)
        self._open -= 1
        if keep:
            connection.index, connection.reused, connection.rest = -1, True, None
            connection.answer.clear()
            self._idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        connection.index = -1
        descriptor = connection.sock.fileno()
        if self._connections.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
            connection.sock.close()

    def _give_up(self, now: float) -> None:
        while self._waiting and (self._waiting[0][0] <= now or self._outcomes[self._waiting[0][1]] is not None):
            _, index, connection = self._waiting.popleft()
            if self._outcomes[index] is None and connection.index == index:
                self._finish(connection, 0, keep=False)


def parse(answer: bytearray, *, ended: bool) -> tuple[int, bool, bool]:
    """Return (status, whether the answer is complete, whether the connection may carry another request).

    Enough of HTTP/1.1 (RFC 9112, section 6.3) for answers to POST: a length, chunks, or until the connection ends.
    """
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0, False, False
    head = bytes(answer[:end]).lower()
    status, body = int(head[9:12]), len(answer) - end - 4
    keep = b"\r\nconnection: close" not in head and not head.startswith(b"http/1.0")
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        return status, body >= int(head[at + 17 :].split(b"\r\n", 1)[0]), keep
    if b"\r\ntransfer-encoding: chunked" in head:
        return status, answer.endswith(b"0\r\n\r\n"), keep
    return status, ended, False


def main() -> None:
    """Read the plan, send, write the outcomes."""
    plan = json.loads(sys.stdin.readline())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    requests = [Path(path).read_bytes() for path in plan["requests"]]
    gc.disable()  # nothing here makes cycles, and a pause would be blamed on the server
    outcomes = Generator(plan["port"], requests, plan["times"], plan["patience"]).run()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    json.dump({"outcomes": outcomes, "cpu": usage.ru_utime + usage.ru_stime}, sys.stdout)


if __name__ == "__main__":
    main()
