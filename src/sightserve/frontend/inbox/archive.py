"""A zip of photos, a stranger's: read one by one, never unpacked as a whole, never more than one in memory.

What is refused: more entries or bytes than a page takes, entries that grow too much when unpacked (bombs), that lie
about their size, that are encrypted, that are links, or whose path leads out of the folder. A bad entry is an error beside
the others; only a zip that is bad as a whole is refused as a whole.
"""

import io
import mmap
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from sightserve.api.errors import ErrorCode
from sightserve.frontend.inbox.sources import FileRefused, Source, is_litter
from sightserve.frontend.shared.photos import shown_path
from sightserve.frontend.shared.settings import MIB
from sightserve.frontend.shared.words import Message
from sightserve.imaging.formats import is_photo_name

_MOST_ENTRIES: Final = 5000  # photos and everything else
_MOST_TOTAL: Final = 2048 * MIB  # unpacked, over all photos
_MOST_RATIO: Final = 100  # photos are compressed already: honest ones come to 1 or 2, uncompressed bitmaps to 50
_RATIO_MATTERS: Final = 1 * MIB
_CENTRAL_HEADER: Final = b"PK\x01\x02"
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1  # bit 0 of the general purpose flags (APPNOTE, section 4.4.4)


class ArchiveRefused(Exception):
    """The zip cannot be used as a whole; `message` says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a zip: photos (the refused ones among them, they say so when read), and how many other files."""

    photos: list[Source]
    others: int


def open_zip(data: bytes | Path, *, max_photos: int, max_bytes: int) -> Contents:
    """Return what is in a zip without unpacking anything.

    Args:
        data: the zip, or where it lies.
        max_photos: most photos.
        max_bytes: most bytes of one photo, unpacked.

    Raises:
        ArchiveRefused: it is no zip, is damaged, or is too large in one way or another.
    """
    # Counted before zipfile reads the directory: it would build half a kilobyte for each of half a million entries.
    if _entries(data) > _MOST_ENTRIES:
        raise ArchiveRefused(Message(f"This zip has more than {_MOST_ENTRIES:,} files.", "Make several smaller ones."))
    try:
        archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as exc:
        raise ArchiveRefused(
            Message("This is not a zip, or it is damaged.", "Make it once more, and try that.")
        ) from exc
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not is_litter(entry.filename)]
    photos = [entry for entry in entries if is_photo_name(entry.filename)]
    if len(photos) > max_photos:
        raise ArchiveRefused(
            Message(f"This zip has {len(photos):,} photos; {max_photos:,} is the most.", "Make several smaller ones.")
        )
    if sum(entry.file_size for entry in photos) > _MOST_TOTAL:
        raise ArchiveRefused(Message("This zip would unpack to more than 2 GB.", "Make several smaller ones."))
    sources = [_source(archive, entry, max_bytes) for entry in photos]
    return Contents(sources, others=len(entries) - len(photos))


def _entries(data: bytes | Path) -> int:
    """Return how many entries a zip may have, at most; no more are counted than it takes."""
    if isinstance(data, bytes):
        return data.count(_CENTRAL_HEADER)
    if not data.stat().st_size:
        return 0  # which nobody maps
    with data.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        count, at = 0, mapped.find(_CENTRAL_HEADER)
        while at >= 0 and count <= _MOST_ENTRIES:
            count, at = count + 1, mapped.find(_CENTRAL_HEADER, at + 1)
        return count


def _source(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> Source:
    problem = next(_problems(entry, max_bytes), None)

    def read() -> bytes:
        if problem is not None:
            raise FileRefused(*problem)
        return _unpack(archive, entry)

    return Source(shown_path(entry.filename), entry.file_size, read, makes=0 if problem else entry.file_size)


def _problems(entry: zipfile.ZipInfo, max_bytes: int) -> Iterator[tuple[Message, str]]:
    """Yield why an entry is refused, by what its header says: what `FileRefused` is made of."""
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        yield Message("Its path leads out of the zip.", "Make the zip from inside the folder."), "unreadable_file"
    if stat.S_ISLNK(entry.external_attr >> 16):
        yield Message("It is a link, not a photo.", "Put the photo itself into the zip."), "unreadable_file"
    if entry.flag_bits & _ENCRYPTED:
        yield Message("It is locked with a password.", "Make the zip without one."), "unreadable_file"
    if entry.compress_type not in _METHODS:
        yield Message("It is packed in a way that is not read here.", "Make an ordinary zip."), "unreadable_file"
    if entry.file_size > max_bytes:
        yield Message("This file is too large.", f"{max_bytes // MIB} MB is the most."), ErrorCode.PAYLOAD_TOO_LARGE
    if entry.file_size > _RATIO_MATTERS and entry.file_size > _MOST_RATIO * max(1, entry.compress_size):
        yield (
            Message("It unpacks to far more than a photo does.", "If it is a photo, save it as JPEG or PNG."),
            ErrorCode.PAYLOAD_TOO_LARGE,
        )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            data = file.read(entry.file_size)  # zipfile yields no more than that, whatever the packed bytes would give
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as exc:
        raise FileRefused(Message("It is damaged inside the zip.", "Make the zip once more.")) from exc
    if len(data) != entry.file_size:
        raise FileRefused(Message("It is damaged inside the zip.", "Make the zip once more."))
    return data
