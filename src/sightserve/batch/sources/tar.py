"""A tar -> [its members, one header after the other, none of them kept] -> Photos in the order in which they are in it."""

import functools
import io
import posixpath
import struct
import tarfile
import threading
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from sightserve.batch.errors import Unreadable
from sightserve.batch.files import open_any
from sightserve.batch.photo import MOST_BYTES, Photo
from sightserve.batch.sources.compression import DAMAGED, unpacked
from sightserve.batch.sources.errors import DamagedArchive
from sightserve.imaging.formats import is_photo_name

_MOST_HEADER: Final = 16 << 20  # bytes: tarfile reads a long name or extended header at once, as long as it says to be
_TAR_ERRORS: Final = (*DAMAGED, tarfile.TarError, struct.error, LookupError, ArithmeticError, RecursionError)
_MOST_LINKS: Final = 8
_looking: Final = threading.Lock()  # several readers need the same table
# the same words wherever a run began in it: rows do not depend on that
_CUT: Final = "it is no tar, is damaged, or ends in the middle"
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
        is_link = member.islnk() or member.issym()
        if not (member.isreg() or is_link) or not (every_file or is_photo_name(name)):
            continue
        if after is not None and member.offset_data <= after.start:
            continue
        if (
            is_link
        ):  # its place is its own, so that one goes on behind it; what it stands for is looked up when it is read
            yield Photo(prefix + name, address, member=name, start=member.offset_data, size=0)
            continue
        photo = Photo(prefix + name, address, start=member.offset_data, size=member.size)
        if member.issparse():
            photo = photo._replace(fault=_SPARSE)
        elif compressed:
            photo = photo._replace(member=name)
            if member.size <= MOST_BYTES:
                photo = photo._replace(data=_read(inside, member.offset_data, member.size))
        yield photo
    if compressed:
        _read_to_end(inside)


def _members(file: BinaryIO, after: Photo | None) -> Iterator[tarfile.TarInfo]:
    """Yield the members, from the one behind `after` on."""
    blocks = _Blocks(file)
    try:
        if after is not None and after.size is not None and not after.fault:
            blocks.seek(after.start + -(-after.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
        with tarfile.TarFile(fileobj=blocks, encoding="utf-8", errors="surrogateescape") as tar:  # type: ignore[arg-type]
            at = -1
            while (member := tar.next()) is not None:
                # it would keep them all
                tar.members = []  # type: ignore[attr-defined]
                if member.size < 0 or member.offset_data <= at:
                    raise tarfile.ReadError("a header points backwards")
                at = member.offset_data
                yield member
    except _TAR_ERRORS as exc:
        raise DamagedArchive(_CUT) from exc
    # tarfile takes any header that is none for the end of a tar; the end is a block of zeros
    if blocks.last.count(0) != tarfile.BLOCKSIZE:
        raise DamagedArchive(_CUT)


def _read_to_end(file: BinaryIO) -> None:
    """Read what is behind a compressed tar's end: the checksum of all that was in it is there."""
    try:
        while file.read(1 << 20):
            pass
    except DAMAGED as exc:
        raise DamagedArchive("something in this compressed tar is damaged: its checksum is another") from exc


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    try:
        file.seek(start)
        data = file.read(size)
    except DAMAGED as exc:
        raise DamagedArchive(_CUT) from exc
    if len(data) < size:
        raise DamagedArchive(_CUT)
    return data


class _Entry(NamedTuple):
    """A member: where its bytes are, or what it is a link to."""

    start: int
    size: int
    link: str


def read_linked(file: BinaryIO, address: str, name: str) -> bytes:
    """Return the bytes of what a link in a tar stands for.

    Args:
        file: the tar, at its beginning.
        address: of it.
        name: of the link.

    Raises:
        Unreadable: it leads nowhere, or too far.
    """
    with _looking:
        entries = _entries(address, file.seek(0, io.SEEK_END))
    name = posixpath.normpath(name)
    for _ in range(_MOST_LINKS):
        if name not in entries:
            raise Unreadable("file_not_found", f"It is a link to {name}, and that is not in the archive.")
        start, size, link = entries[name]
        if not link:
            if size > MOST_BYTES:
                raise Unreadable("payload_too_large", f"It has {size:,} bytes; {MOST_BYTES:,} is the most.")
            file.seek(0)
            return read_compressed(file, start, size)
        name = link
    raise Unreadable("unreadable_file", "It is a link to a link to a link, and so on.")


@functools.lru_cache(maxsize=1)
def _entries(address: str, _size: int) -> dict[str, _Entry]:
    """Return a tar's members by name, of those of one name the last: only tars with links in them are looked through so."""
    found: dict[str, _Entry] = {}
    with open_any(address) as file:
        inside = unpacked(file)
        try:
            for member in _members(inside, None):
                name = posixpath.normpath(member.name)
                if member.isreg():
                    found[name] = _Entry(member.offset_data, member.size, "")
                elif member.islnk():
                    found[name] = _Entry(0, 0, posixpath.normpath(member.linkname))
                elif member.issym():
                    found[name] = _Entry(
                        0, 0, posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
                    )
        except DamagedArchive:
            pass  # what comes before the damage can be read
    return found


def read_compressed(file: BinaryIO, start: int, size: int) -> bytes:
    """Return bytes from inside a tar; of a compressed one by unpacking all that comes before: right, and slow.

    Raises:
        DamagedArchive: they are not in it.
    """
    return _read(unpacked(file), start, size)


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
