"""How much memory a slot may take for what it works on. The scheduler deals it out; nobody here waits for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sightserve.imaging.errors import ImageError


class NoRoom(ImageError):
    """Decoding this image needs more; nothing was decoded.

    Attributes:
        pixels: that it would hold in memory.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__(f"decoding needs memory for {pixels} pixels")
        self.pixels = pixels


class Room:
    """What the scheduler has granted for the batch that runs.

    Attributes:
        pixels: that may be in memory, at four bytes each.
    """

    def __init__(self) -> None:
        self.pixels = sys.maxsize

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Be entered while an image of so many pixels in memory is decoded; raises NoRoom where these are too many."""
        if pixels > self.pixels:
            raise NoRoom(pixels)
        yield
