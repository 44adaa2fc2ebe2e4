"""Bounds the memory of decoding: how many pixels all slots together have decoded at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelBudget:
    """Lets small images through side by side and large ones one after the other.

    Without it, as many of the largest images as there are slots would be in memory at once, at four bytes a pixel.
    """

    def __init__(self, limit: int) -> None:
        """Set the limit, in pixels."""
        self._limit = limit
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for this many pixels and hold it; more than the limit counts as the limit."""
        wanted = min(pixels, self._limit)
        with self._changed:
            while self._held + wanted > self._limit:
                self._changed.wait()
            self._held += wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()
