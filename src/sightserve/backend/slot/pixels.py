"""Bounds the memory of decoding over all slots: ordinary images side by side, large ones one after the other."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.Lock()  # a record lock holds between processes, not between the threads of one


class PixelBudget:
    """Lets an image up to a share in at once; a larger one waits until no other slot decodes a large one.

    So all slots together never hold more than one of the largest images and a share for each other slot, at four bytes a
    pixel. The lock is the operating system's: it is free again when the process that holds it dies.
    """

    def __init__(self, share: int, lock: int | None = None) -> None:
        """Set up one slot's view.

        Args:
            share: pixels that every slot may hold at any time.
            lock: file descriptor of a file that all slots have inherited; None where there is one process.
        """
        self._share = share
        self._lock = lock

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for this many pixels."""
        if pixels <= self._share:
            yield
            return
        with _here:
            if self._lock is None:
                yield
                return
            fcntl.lockf(self._lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)
