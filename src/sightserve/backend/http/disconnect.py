"""Beside the data path: whoever works for a client hears of it in the moment in which its connection ends.

A task for each request that waits for `http.disconnect` would cost more than all the rest of the waiting.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Disconnect:
    """One connection's, notified by its `guard.Guard`.

    Attributes:
        happened: whether the client has hung up.
    """

    def __init__(self) -> None:
        self.happened = False
        self._callbacks: list[Callable[[], None]] = []

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have this called if the client hangs up inside the block."""
        self._callbacks.append(callback)
        try:
            yield
        finally:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def notify(self) -> None:
        """Tell everybody: the client has hung up."""
        self.happened = True
        while self._callbacks:
            self._callbacks.pop()()


_current: ContextVar[Disconnect] = ContextVar("disconnect")


def serving(disconnect: Disconnect) -> None:
    """Make it the one of every request that is begun from here on: a task inherits the context in which it is made."""
    _current.set(disconnect)


def current() -> Disconnect:
    """Return that of the request at work; one that never happens, where no guard serves it (in tests)."""
    return _current.get(None) or Disconnect()
