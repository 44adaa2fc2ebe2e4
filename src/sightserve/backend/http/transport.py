"""Data path: uvicorn's HTTP/1.1 -> [what it writes to] -> `guard.py` -> socket."""

import asyncio
from typing import Any, Protocol


class Connection(Protocol):
    """Who decides over a connection: a `guard.Guard`."""

    @property
    def closing(self) -> bool:
        """Whether it ends or has ended."""

    def send(self, data: bytes) -> None:
        """Write."""

    def finish(self) -> None:
        """End, once everything is written."""

    def pause_reading(self) -> None:
        """Take no more for now."""

    def resume_reading(self) -> None:
        """Take more again."""


class GuardedTransport(asyncio.Transport):
    """The connection as uvicorn sees it: asyncio's interface, with the guard at its end."""

    def __init__(self, transport: asyncio.Transport, guard: Connection) -> None:
        super().__init__()
        self._transport = transport
        self._guard = guard

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        self._guard.send(bytes(data))

    def close(self) -> None:
        """End, once everything is sent."""
        self._guard.finish()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it ends or has ended."""
        return self._guard.closing

    def pause_reading(self) -> None:
        """Take no more for now."""
        self._guard.pause_reading()

    def resume_reading(self) -> None:
        """Take more again."""
        self._guard.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> Any:  # noqa: ANN401 - as asyncio has it
        """Return what is known of the socket."""
        return self._transport.get_extra_info(name, default)
