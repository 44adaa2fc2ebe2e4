"""A folder and all that is in it -> [walked in the order of whole names, one folder's names at a time] -> Photos."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sightserve.batch.errors import BatchError
from sightserve.batch.files import Anchor, raise_if_away
from sightserve.batch.photo import Photo, order
from sightserve.batch.sources.archives import archive_photos, fault_of
from sightserve.batch.sources.errors import DamagedArchive
from sightserve.batch.sources.names import is_archive
from sightserve.batch.sources.ordered import Entry, ordered
from sightserve.imaging.formats import is_photo_name

_FILE: Final = b"file"
_FOLDER: Final = b"folder"  # an entry's name ends in "/", so that it sorts where the names in it do
_ARCHIVE: Final = b"archive"  # likewise
_NO_PHOTOS: Final = "__MACOSX"


class Folder:
    """A folder on this machine.

    Links to folders are not followed: they may lead round in circles. Links to files are taken.

    Args:
        address: its absolute path; itself may be a link.
        every_file: whatever files are called.
    """

    streams = False

    def __init__(self, address: str, *, every_file: bool) -> None:
        self.address = address
        self._every_file = every_file
        self._anchor = Anchor(address)

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        """Yield the photos, as `Source` has it; folders and archives that lie wholly before `after` are not opened."""
        floor = b"" if after is None else order(after.name)
        if after is not None and after.fault and after.address == self._path(after.name):
            floor += b"/"  # a folder or an archive that has a row itself, the last of it
        walk = [self._entries(b"", floor)]
        while walk:
            entry = next(walk[-1], None)
            if entry is None:
                walk.pop()
                continue
            key, kind = entry
            name = key.decode(errors="surrogateescape")
            if kind == _FOLDER:
                walk.append(self._entries(key, floor))
            elif kind == _ARCHIVE:
                yield from self._archive(name, after if floor.startswith(key) else None)
            elif kind == _FILE:
                yield Photo(name, self._path(name))
            else:
                yield Photo(name.removesuffix("/"), self._path(name).removesuffix("/"), fault=kind.decode())

    def check(self) -> None:
        """Make sure that it is still there, as `Source` has it."""
        self._anchor.check()

    def _path(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"

    def _archive(self, name: str, after: Photo | None) -> Iterator[Photo]:
        path = self._path(name).removesuffix("/")
        try:
            yield from archive_photos(path, name, after, every_file=self._every_file)
        except DamagedArchive as exc:
            self.check()
            yield fault_of(name.removesuffix("/"), path, exc)

    def _entries(self, folder: bytes, floor: bytes) -> Iterator[Entry]:
        """Yield what one folder has behind that name, in order; last, why there is not more of it."""
        faults: list[Entry] = []
        for key, kind in ordered(self._unordered(folder, faults)):
            # a folder with the name in it is not before it
            if key > floor or (key != floor and floor.startswith(key) and kind != _FILE):
                yield key, kind
        yield from faults

    def _unordered(self, folder: bytes, faults: list[Entry]) -> Iterator[Entry]:
        try:
            with os.scandir(self._path(folder.decode(errors="surrogateescape"))) as entries:
                for entry in entries:
                    if kind := self._kind(entry):
                        yield folder + order(entry.name) + (b"" if kind == _FILE else b"/"), kind
        except OSError as exc:
            self.check()
            raise_if_away(exc, self.address)
            words = exc.strerror or str(exc)
            if not folder:
                raise BatchError(f"{self.address} cannot be listed: {words}") from exc
            faults.append(
                (folder, f"This folder cannot be listed, so none of what is missing of it has a row: {words}.".encode())
            )

    def _kind(self, entry: os.DirEntry[str]) -> bytes | None:
        """Return what an entry is, None where it is not wanted."""
        try:
            if entry.is_dir(follow_symlinks=False):
                return _FOLDER if self._every_file or entry.name != _NO_PHOTOS else None
            if not (is_archive(entry.name) or self._every_file or is_photo_name(entry.name)):
                return None
            wanted = entry.is_file(follow_symlinks=False) or (entry.is_symlink() and _leads_to_file(entry.path))
        except OSError:
            wanted = True  # whoever reads it finds out more
        if not wanted:
            return None
        return _ARCHIVE if is_archive(entry.name) else _FILE


def _leads_to_file(path: str) -> bool:
    """Return whether a link is one to a file, or to nothing, which is a photo that is missing."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return True
