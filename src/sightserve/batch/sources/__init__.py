"""IN: where a job's photos are, listed lazily and in an order of their names alone."""

from collections.abc import Iterator
from typing import Protocol

from sightserve.batch.photo import Photo


class Source(Protocol):
    """A folder, a bucket, an archive or a listing."""

    @property
    def address(self) -> str:
        """Absolute, or a URL: what names this source in `job.json`."""

    @property
    def streams(self) -> bool:
        """Whether its photos bring their bytes, which are had only in their turn: they are not listed ahead of the work."""

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        """Yield the photos in the order of `photo.order` of their names (an archive's: in the order in which they are in it).

        The order depends on nothing but the names: not on how a file system or a server lists them. Memory does not grow with
        their number, and the first come before the last are found.

        Args:
            after: the last one that an earlier run has written down; only those behind it are wanted.

        Raises:
            BatchError: there is no such source, or it cannot be listed.
            StorageAway: it cannot be reached (any more).
        """

    def check(self) -> None:
        """Make sure that it is still there: asked when a photo cannot be read.

        Raises:
            StorageAway: the whole source is gone: a disk was unplugged, a credential has expired.
        """
