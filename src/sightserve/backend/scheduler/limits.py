"""What bounds the queue: requests, bytes, pixels and time."""

from dataclasses import dataclass
from typing import Final

from sightserve.backend.ram import shares

# What a backend decodes within its own limits (`SIGHTSERVE_MAX_PIXELS`): 50 megapixels, of 16.5 bytes in the format that takes
# most, WebP (`imaging/memory.py`). With less memory it refuses photos that its limits allow.
_LARGEST_PHOTO: Final = int(50e6 * 16.5)  # bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds, all given from outside.

    Attributes:
        slots: how many run at once; one more while a large photo does, so that those hold up nobody else.
        max_requests: how many may wait, their bodies whole.
        max_bytes: how many bytes all bodies may hold together, those under way included.
        max_uploads: how many bodies may be under way. They are counted apart: a body that never comes takes no place in the
            queue.
        max_pixels: how many pixels may be in memory at once. At most half of them is dealt out to the slots in equal shares,
            which is what each may decode unasked; the rest is for photos that need more than a share.
        large_pixels: no share is larger: what needs more takes a tenth of a second or longer, and is a large photo for that,
            however much memory there is.
        batch: how many start together in one slot, at most, and never more than a slot's share of those that wait: with few
            of them, another slot answers sooner.
        batch_bytes: larger bodies run by themselves: they take longer than others should wait for, and a hand-over is little
            beside that.
        batch_wait: for how many seconds the oldest waits for a batch to fill.
        upload_start: for how many seconds an upload counts as work that is about to arrive, whatever has arrived of it: a
            hundred of them that begin at once are a hundred requests.
        upload_grace: for how many seconds it counts as far as it has arrived; a slower one does not count.
        upload_patience: for how many seconds an upload keeps its place though there is none for others; less than `uploads`
            gives a slow sender, who would be gone anyhow.
        upload_bytes: what a whole upload has, at least: how far a smaller one has arrived says nothing about work to come,
            or a few bytes would be enough to have others refused.
        caution: how many times longer than predicted the wait may become. Service times are means, and refusals cost cycles
            too: without it, half of those admitted last under five-fold load came just too late.
    """

    slots: int
    max_requests: int = 1000
    max_bytes: int = 256 * 2**20
    max_uploads: int = 4096
    max_pixels: int = 400_000_000
    large_pixels: int = 4_000_000
    batch: int = 1
    batch_bytes: int = 512 * 2**10
    batch_wait: float = 0.0
    upload_start: float = 0.1
    upload_grace: float = 1.0
    upload_patience: float = 4.0
    upload_bytes: int = 64 * 2**10
    caution: float = 1.2

    @property
    def pixels_each(self) -> int:
        """How many pixels every slot may hold at any time."""
        return min(self.large_pixels, self.max_pixels // 2 // (self.slots + 1))

    @property
    def pixels_shared(self) -> int:
        """How many pixels large photos may hold together."""
        return self.max_pixels - self.pixels_each * (self.slots + 1)


def enough_memory(slots: int, model: int) -> float:
    """Return the GiB, in halves, in which a backend refuses no photo within its limits.

    Args:
        slots: that run at once.
        model: bytes of its files.
    """
    gib = 0.5
    while Limits(slots, max_pixels=shares(int(gib * 2**30), slots, model).pixels).pixels_shared * 4 < _LARGEST_PHOTO:
        gib += 0.5
    return gib
