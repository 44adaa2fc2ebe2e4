"""A zip -> [its directory, sorted by names, on disk where it is long] -> Photos, each with where it is in the zip.

Read here and not by the standard library, which keeps an object for each entry: half a gigabyte for a million photos, in every
process that reads one of them. What is read here says where a photo is, and `unzip.py` needs no directory any more.
PKWARE's APPNOTE.TXT 6.3.10 has the layout, in section 4.3.
"""

import stat
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from sightserve.batch.photo import Photo, order
from sightserve.batch.sources.errors import DamagedArchive
from sightserve.batch.sources.ordered import Entry, ordered
from sightserve.imaging.formats import is_photo_name

_END: Final = struct.Struct("<4s4H2LH")  # end of central directory record (4.3.16)
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # the same of zip64 (4.3.14)
_LOCATOR64_BYTES: Final = 20  # between the two (4.3.15)
_HEADER: Final = struct.Struct("<4s6H3L5H2L")  # central directory header (4.3.12)
_WHERE: Final = struct.Struct("<QQ")  # what is sorted with a name: start, size
_MOST_COMMENT: Final = 65_535
_ALL_ONES: Final = 0xFFFFFFFF  # a number that did not fit and stands in the zip64 extra field
_ZIP64: Final = 1  # that field's id (4.5.3)
_UTF8: Final = 1 << 11  # of the general purpose flags (4.4.4)
_UNIX: Final = 3  # the upper byte of "version made by" (4.4.2)


def zip_photos(file: BinaryIO, prefix: str, address: str, after: Photo | None, *, every_file: bool) -> Iterator[Photo]:
    """Yield a zip's photos in the order of their names; of several with one name the last, as unpacking it leaves.

    Args:
        file: the zip.
        prefix: before its members' names in the photos' names.
        address: of the zip.
        after: the last photo of it that is not wanted any more.
        every_file: whatever its members are called.

    Raises:
        DamagedArchive: it is no zip, or its directory is damaged.
    """
    floor = None if after is None else order(after.member)
    for key, where in ordered(_entries(file, every_file=every_file)):
        if floor is None or key > floor:
            start, size = _WHERE.unpack(where)
            name = key.decode(errors="surrogateescape")
            yield Photo(prefix + name, address, member=name, start=start, size=size)


def _entries(file: BinaryIO, *, every_file: bool) -> Iterator[Entry]:
    try:
        at, end, shift = _directory(file)
        file.seek(at)
        while at < end:
            head = _exactly(file, _HEADER.size)
            (
                signature,
                made_by,
                _,
                flags,
                *_,
                packed,
                unpacked,
                name_bytes,
                extra_bytes,
                comment_bytes,
                _,
                _,
                mode,
                start,
            ) = _HEADER.unpack(head)
            if signature != b"PK\x01\x02":
                raise DamagedArchive("this zip's directory is damaged")
            raw = _exactly(file, name_bytes)
            extra = _exactly(file, extra_bytes)
            file.seek(comment_bytes, 1)
            at += _HEADER.size + name_bytes + extra_bytes + comment_bytes
            _, packed, start = _of_zip64(extra, unpacked, packed, start)
            link = made_by >> 8 == _UNIX and stat.S_ISLNK(mode >> 16)
            name = _text(raw, flags)
            if not name or name.endswith("/") or link or not (every_file or is_photo_name(name)):
                continue
            yield order(name), _WHERE.pack(shift + start, packed)
    except (struct.error, OSError, ValueError) as exc:
        raise DamagedArchive(f"this zip's directory is damaged ({exc})") from exc


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise DamagedArchive("this zip's directory ends in the middle")
    return data


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Return where the directory begins and ends, and what all offsets are short by: something may stand before a zip."""
    length = file.seek(0, 2)
    tail_at = max(0, length - _END.size - _MOST_COMMENT)
    file.seek(tail_at)
    tail = file.read()
    found = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size) + 4)
    if found < 0:
        raise DamagedArchive("this is no zip, or it is cut: it has no directory at its end")
    _, disk, _, _, _, size, offset, _ = _END.unpack_from(tail, found)
    end = tail_at + found
    before = end - _LOCATOR64_BYTES - _END64.size
    if before >= 0:
        file.seek(before)
        record = _exactly(file, _END64.size + _LOCATOR64_BYTES)
        if record.startswith(b"PK\x06\x06") and record[_END64.size :].startswith(b"PK\x06\x07"):
            *_, size, offset = _END64.unpack_from(record)
            end, disk = before, 0
    shift = end - size - offset
    if disk or shift < 0:
        raise DamagedArchive("this zip is cut, or one part of several")
    return end - size, end, shift


def _of_zip64(extra: bytes, *numbers: int) -> Iterator[int]:
    """Return these numbers, those that did not fit from the extra field, where they stand in this order."""
    long = b""
    while len(extra) >= 4 and not long:  # noqa: PLR2004 - an id and a length, two bytes each
        kind, size = struct.unpack_from("<HH", extra)
        long = extra[4 : 4 + size] if kind == _ZIP64 else b""
        extra = extra[4 + size :]
    for number in numbers:
        if number == _ALL_ONES and long:
            yield struct.unpack_from("<Q", long)[0]
            long = long[8:]
        else:
            yield number


def _text(raw: bytes, flags: int) -> str:
    """Return an entry's name: UTF-8 where it says so, or where it is (macOS does not say), else what DOS wrote."""
    if flags & _UTF8:
        return raw.decode(errors="surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")
