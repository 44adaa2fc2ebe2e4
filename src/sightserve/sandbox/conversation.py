"""Our end in a thread that waits: with a bound on the child's silence, and an end as soon as nobody wants its work."""

import math
import threading
import time
from typing import Final

from sightserve.sandbox.process import Child
from sightserve.sandbox.wire import Message, message, take

_LOOK_EVERY: Final = 0.1  # seconds; so long it takes until a wish to stop is noticed
_CHUNK: Final = 1 << 16


class ChildLost(Exception):
    """The child died, or said what makes no sense."""


class ChildSilent(Exception):
    """The child said nothing for too long."""


class Stopped(Exception):
    """Nobody wants its work any more."""


class Conversation:
    """Speaks with one child, which is gone when this is closed, however that comes about."""

    def __init__(self, child: Child, stop: threading.Event | None = None) -> None:
        """Take over a child.

        Args:
            child: that was started for this.
            stop: set from any thread to have every wait end with Stopped.
        """
        self._child = child
        self._stop = stop or threading.Event()
        self._received = bytearray()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child at once."""
        self._child.end()

    def send(self, content: dict[str, object], attached: bytes = b"", *, seconds: float = 10.0) -> None:
        """Say something.

        Args:
            content: what.
            attached: bytes that belong to it.
            seconds: how long it may take to listen; what the system buffers needs no time.

        Raises:
            ChildLost, ChildSilent: it is dead, or does not listen.
        """
        connection = self._child.connection
        connection.settimeout(seconds)
        try:
            connection.sendall(message(content, attached))
        except TimeoutError as exc:
            raise ChildSilent(f"it did not listen for {seconds:.1f} seconds") from exc
        except OSError as exc:
            raise ChildLost("it is dead") from exc

    def receive(self, *, quiet: float, total: float = math.inf) -> Message:
        """Wait for its next message.

        Args:
            quiet: seconds that it may go without a byte of it.
            total: seconds that all of it may take.

        Raises:
            ChildLost, ChildSilent, Stopped: see there.
        """
        began = heard = time.monotonic()
        connection = self._child.connection
        connection.settimeout(min(_LOOK_EVERY, quiet, total))
        while True:
            try:
                found = take(self._received)
            except ValueError as exc:
                raise ChildLost("it does not make sense any more") from exc
            if found is not None:
                return found
            if self._stop.is_set():
                raise Stopped
            now = time.monotonic()
            if now - heard > quiet or now - began > total:
                raise ChildSilent(f"it said nothing for {now - heard:.1f} seconds, after {now - began:.1f}")
            try:
                chunk = connection.recv(_CHUNK)
            except TimeoutError:
                continue
            except OSError as exc:
                raise ChildLost("it is dead") from exc
            if not chunk:
                raise ChildLost("it is dead")
            self._received += chunk
            heard = time.monotonic()
