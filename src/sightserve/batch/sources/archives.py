"""Zips and tars as IN: one, or as many as a pattern names, each opened when its turn comes."""

import posixpath
from collections.abc import Iterator, Sequence

from sightserve.batch.errors import BatchError, Unreadable
from sightserve.batch.files import Anchor, open_any, raise_if_away
from sightserve.batch.photo import Photo, is_url
from sightserve.batch.sources.compression import MAGIC_BYTES, compression
from sightserve.batch.sources.errors import DamagedArchive
from sightserve.batch.sources.names import is_compressed_tar, is_tar
from sightserve.batch.sources.tar import tar_photos
from sightserve.batch.sources.zip import zip_photos


def archive_photos(
    address: str, prefix: str, after: Photo | None, *, every_file: bool, streams: bool = False
) -> Iterator[Photo]:
    """Yield the photos of a zip or tar.

    Args:
        address: its path or URL.
        prefix: before its members' names in the photos' names.
        after: the last photo of it that is not wanted any more.
        every_file: whatever its members are called.
        streams: whether photos may bring their bytes with them.

    Raises:
        DamagedArchive: it cannot be read, or not any further.
        StorageAway: where it is cannot be reached.
    """
    try:
        file = open_any(address)
    except Unreadable as exc:
        raise DamagedArchive(str(exc).removesuffix(".")) from exc
    try:
        with file:
            if is_tar(address):
                yield from tar_photos(file, prefix, address, after, every_file=every_file, streams=streams)
            else:
                yield from zip_photos(file, prefix, address, after, every_file=every_file)
    except DamagedArchive as exc:
        if isinstance(exc.__cause__, OSError):
            raise_if_away(exc.__cause__, address)
        raise


def fault_of(name: str, address: str, exc: DamagedArchive) -> Photo:
    """Return what stands in the photos' list for an archive that cannot be read to its end: it becomes a row."""
    return Photo(
        name, address, fault=f"This archive cannot be read (any further): {exc}. What is missing of it has no rows."
    )


class Archives:
    """One archive, or several.

    Args:
        address: what names them all: an archive's path or URL, or a pattern of such.
        paths: of each, in their order.
        every_file: whatever their members are called.

    Raises:
        BatchError: the only one cannot be read.
    """

    def __init__(self, address: str, paths: Sequence[str], *, every_file: bool) -> None:
        self.address = address
        self._paths = paths
        self._every_file = every_file
        self._alone = paths == [address]
        self.streams = any(is_compressed_tar(path) for path in paths) or (self._alone and self._is_compressed())
        self._base = address.partition("{")[0].rpartition("/")[0]  # what is the same in all of their names
        # several elsewhere have no folder that could be asked for: whoever reads one of them finds out
        self._anchor = None if is_url(address) and not self._alone else Anchor(address if self._alone else self._base)

    def _is_compressed(self) -> bool:
        """Return whether this one tar is compressed, though it is not called so."""
        try:
            with open_any(self.address) as file:
                return compression(file.read(MAGIC_BYTES)) is not None
        except Unreadable as exc:
            raise BatchError(f"{self.address} cannot be read: {exc}") from exc
        except OSError as exc:
            raise_if_away(exc, self.address)
            raise BatchError(f"{self.address} cannot be read: {exc.strerror or exc}") from exc

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        """Yield the photos, as `Source` has it."""
        begin = 0 if after is None else self._paths.index(after.address)
        for path in self._paths[begin:]:
            yield from self._photos(path, after)
            after = None

    def _photos(self, path: str, after: Photo | None) -> Iterator[Photo]:
        name = posixpath.basename(path) if self._alone else path.removeprefix(self._base).lstrip("/")
        if after is not None and after.fault and after.name == name:
            return  # its row is the last of it
        found = after is not None
        prefix = "" if self._alone else f"{name}/"
        try:
            for photo in archive_photos(path, prefix, after, every_file=self._every_file, streams=self.streams):
                found = True
                yield photo
        except DamagedArchive as exc:
            self.check()
            if self._alone and not found:
                raise BatchError(f"{self.address} cannot be read: {exc}") from exc
            yield fault_of(name, path, exc)

    def check(self) -> None:
        """Make sure that they are still there, as `Source` has it."""
        if self._anchor:
            self._anchor.check()
