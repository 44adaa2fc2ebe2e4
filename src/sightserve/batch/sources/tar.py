"""A tar -> [its members, one header after the other, none of them kept] -> Photos in the order in which they are in it."""

import struct
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Final

from sightserve.batch.errors import Unreadable
from sightserve.batch.photo import MOST_BYTES, Photo
from sightserve.batch.sources.compression import DAMAGED, unpacked
from sightserve.batch.sources.errors import DamagedArchive
from sightserve.imaging.formats import is_photo_name

_MOST_HEADER: Final = 16 << 20  # bytes: tarfile reads a long name or extended header at once, as long as it says to be
_TAR_ERRORS: Final = (*DAMAGED, tarfile.TarError, struct.error, LookupError, ArithmeticError, RecursionError)
_CUT: Final = "this tar ends in the middle: what was in it up to there has rows, the rest is missing"
_SPARSE: Final = (
    "It is stored with holes (a GNU sparse file), which is not read here: unpack the tar, and name the folder."
)


def tar_photos(
    file: BinaryIO, prefix: str, address: str, after: Photo | None, *, every_file: bool, streams: bool
) -> Iterator[Photo]:
    """Yield a tar's photos.

    Args:
        file: the tar, at its beginning.
        prefix: before its members' names in the photos' names.
        address: of the tar.
        after: the last photo of it that is not wanted any more.
        every_file: whatever its members are called.
        streams: whether photos may bring their bytes with them, as a compressed one's have to.

    Raises:
        DamagedArchive: it ends here, and should not.
    """
    inside = unpacked(file)
    compressed = inside is not file
    if compressed and not streams:
        raise DamagedArchive(
            "it is compressed, and can only be read as a whole: unpack it, or name it alone as the input"
        )
    for member in _members(inside, after if not compressed else None):
        name = member.name.removeprefix("./")
        if not member.isreg() or not (every_file or is_photo_name(name)):
            continue
        if after is not None and member.offset_data <= after.start:
            continue
        photo = Photo(prefix + name, address, start=member.offset_data, size=member.size)
        if member.issparse():
            photo = photo._replace(fault=_SPARSE)
        elif compressed:
            photo = photo._replace(member=name)
            if member.size <= MOST_BYTES:
                photo = photo._replace(data=_read(inside, member.offset_data, member.size))
        yield photo


def _members(file: BinaryIO, after: Photo | None) -> Iterator[tarfile.TarInfo]:
    """Yield the members, from the one behind `after` on."""
    blocks = _Blocks(file)
    try:
        if after is not None and after.size is not None and not after.fault:
            blocks.seek(after.start + -(-after.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
        with tarfile.TarFile(fileobj=blocks, encoding="utf-8", errors="surrogateescape") as tar:  # type: ignore[arg-type]
            at = -1
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined] - it would keep them all
                if member.size < 0 or member.offset_data <= at:
                    raise DamagedArchive("a header in this tar points backwards")
                at = member.offset_data
                yield member
    except _TAR_ERRORS as exc:
        raise DamagedArchive(f"this tar is damaged, or ends in the middle ({exc})") from exc
    # tarfile takes any header that is none for the end of a tar; the end is a block of zeros
    if blocks.last.count(0) != tarfile.BLOCKSIZE:
        raise DamagedArchive(_CUT)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    try:
        file.seek(start)
        data = file.read(size)
    except DAMAGED as exc:
        raise DamagedArchive(f"this tar is damaged ({exc})") from exc
    if len(data) < size:
        raise DamagedArchive(_CUT)
    return data


def read_compressed(file: BinaryIO, start: int, size: int) -> bytes:
    """Return bytes from inside a compressed tar, by unpacking all that comes before: right, and slow.

    Raises:
        Unreadable: they are not in it.
    """
    try:
        return _read(unpacked(file), start, size)
    except DamagedArchive as exc:
        raise Unreadable("unreadable_file", f"It cannot be read: {exc}.") from exc


class _Blocks:
    """A file as tarfile reads its headers: never much at once, and the last block stays in sight."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.last = b""

    def read(self, size: int) -> bytes:
        if size > _MOST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()
