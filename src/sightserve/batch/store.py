"""OUT: a folder, or a place in an object store; either way a name is there with all of its bytes, or not at all."""

from collections.abc import Iterator
from typing import Protocol

from sightserve.batch.photo import is_url


class Store(Protocol):
    """Small files by name, with `/` between folders.

    Attributes:
        address: absolute, or a URL.
    """

    address: str

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder of it ("" is the top), without those of its own folders; none if absent."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: there is none.
            StorageAway: the place cannot be reached, or does not let us.
        """

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, or in the place of one: at once and for good, or not at all.

        Raises:
            StorageAway: it cannot be written: no room, no right, nobody there.
        """


def open_store(address: str) -> Store:
    """Return the place of this address; it is made with the first file that is written.

    Raises:
        BatchError: nothing of this kind is known here, or what it needs is not installed.
    """
    if is_url(address):
        from sightserve.batch.object_store import ObjectStore  # noqa: PLC0415 - fsspec is there for those who need it

        return ObjectStore(address)
    from sightserve.batch.directory import Directory  # noqa: PLC0415

    return Directory(address)
