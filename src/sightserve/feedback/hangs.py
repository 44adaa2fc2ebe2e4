"""A connection that a server holds open without a word -> [cut after a while] -> an error, and another try."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event


class Hangs:
    """Cuts an engine's connections when one takes too long: the driver waits for a stopped server without end."""

    def __init__(self, engine: sa.Engine, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._links: dict[int, socket.socket] = {}
        self._since: dict[object, float] = {}
        if engine.dialect.name == "postgresql":
            event.listen(engine, "connect", self._opened)
            event.listen(engine, "close", self._closed)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Do something with a connection that takes no longer than may be."""
        token = object()
        with self._lock:
            self._since[token] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._since[token]

    def cut(self) -> None:
        """Cut them all where something takes too long; to be called every now and then."""
        with self._lock:
            if any(time.monotonic() - since > self._seconds for since in self._since.values()):
                for link in self._links.values():
                    try:
                        link.shutdown(socket.SHUT_RDWR)
                    except OSError:  # it is gone already
                        continue

    def close(self) -> None:
        """Let go of connections that were never closed."""
        with self._lock:
            for link in self._links.values():
                link.close()
            self._links.clear()

    def _opened(self, connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's
        # a descriptor of our own: by the time that it is cut, the driver's number may be another connection's
        link = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._links[id(connection)] = link

    def _closed(self, connection: Any, _record: object) -> None:  # noqa: ANN401
        with self._lock:
            link = self._links.pop(id(connection), None)
            if link is not None:
                link.close()
