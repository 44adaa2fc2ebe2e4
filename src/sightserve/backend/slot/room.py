"""How much memory a slot may take for what it works on. The scheduler deals it out; nobody here waits for it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sightserve.imaging.errors import ImageError, TooManyPixels

_BYTES_A_PIXEL: Final = 4
_MEGABYTE: Final = 1_000_000
_UNBOUNDED: Final = sys.maxsize
# Beside the pixels, for each of a batch: the file, its colour profile and its metadata, several times over.
_BESIDE: Final = 128 * 2**20


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
        most: that may ever be granted.
    """

    def __init__(self, most: int = _UNBOUNDED) -> None:
        self.pixels = self.most = most
        self._usage: int | None = None  # of this process, where Linux tells: kept open, it is read for every batch
        with suppress(OSError):
            self._usage = os.open("/proc/self/statm", os.O_RDONLY)

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Be entered while an image of so many pixels in memory is decoded.

        Raises:
            NoRoom: these are more than were granted.
            TooManyPixels: they are more than can be.
        """
        if pixels > self.most:
            needs, most = (number * _BYTES_A_PIXEL // _MEGABYTE for number in (pixels, self.most))
            raise TooManyPixels(
                f"decoding the image takes {needs:,} MB of memory, and this server has {most:,} MB for it: "
                "send it smaller, or as a JPEG"
            )
        if pixels > self.pixels:
            raise NoRoom(pixels)
        yield

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Have the system refuse what a decoder asks for beyond that: a header may lie about what follows it."""
        if self._usage is None or self.pixels == _UNBOUNDED:
            yield
            return
        import resource  # noqa: PLC0415 - Unix has it; `sightserve classify` runs this module everywhere

        used = int(os.pread(self._usage, 256, 0).split()[5])  # pages of data and stack, as RLIMIT_DATA counts
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = used * resource.getpagesize() + self.pixels * _BYTES_A_PIXEL + _BESIDE
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
        try:
            yield
        finally:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
