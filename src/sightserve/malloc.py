"""Has freed memory go back to the system: bodies in the server, pictures in slots and in previews."""

import ctypes
import sys
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # glibc's malloc.h
_M_TRIM_THRESHOLD: Final = -1
_LARGE_BLOCK: Final = 4 * 2**20  # bytes; Pillow keeps large pictures in blocks of 16 MiB
_KEPT: Final = 16 * 2**20  # bytes


def give_large_blocks_back() -> None:
    """Have glibc return large blocks to the system when they are freed.

    Left alone it raises its threshold after the first large picture and keeps the next one's blocks.
    Fixing that threshold leaves another one low, at which smaller memory goes back after every request and is asked for again.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and does not need it
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
            mallopt(_M_TRIM_THRESHOLD, _KEPT)
