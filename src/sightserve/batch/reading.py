"""A `Photo` -> [its bytes, from wherever they are] -> a slot. Called in several threads at once."""

import os
from functools import partial

from sightserve.batch.errors import Unreadable
from sightserve.batch.files import failure, open_any, open_file, raise_if_away
from sightserve.batch.photo import MOST_BYTES, Photo, is_url
from sightserve.batch.sources.errors import DamagedArchive
from sightserve.batch.sources.names import is_tar
from sightserve.batch.sources.tar import read_compressed, read_linked
from sightserve.batch.unzip import unzip


def read(photo: Photo) -> bytes:
    """Return a photo's bytes, of which there are at most `photo.MOST_BYTES`.

    Raises:
        Unreadable: it is not there, cannot be read, or is too large.
        StorageAway: where it is cannot be reached at all, even after a while.
    """
    if photo.fault:
        raise Unreadable("unreadable_file", photo.fault)
    if photo.data is not None:
        return photo.data
    if photo.size is not None and photo.size > MOST_BYTES:
        raise _too_large(photo.size)
    if photo.member and photo.size is not None:
        return _read_member(photo.address, photo.member, photo.start, photo.size)
    return _read_range(photo.address, photo.start, photo.size)


def _read_member(address: str, member: str, start: int, size: int) -> bytes:
    if is_tar(address):
        with open_any(address) as file:
            try:
                return read_compressed(file, start, size) if size else read_linked(file, address, member)
            except DamagedArchive as exc:
                if isinstance(exc.__cause__, OSError):
                    raise_if_away(exc.__cause__, address)
                raise Unreadable("unreadable_file", f"It cannot be read: {exc}.") from exc
    return unzip(partial(_read_range, address), member, start, size)


def _read_range(address: str, start: int, size: int | None) -> bytes:
    if is_url(address):
        from sightserve.batch.object_store import read_url  # noqa: PLC0415 - fsspec is there for those who need it

        return read_url(address, start, size)
    with open_file(address) as file:
        try:
            there = os.fstat(file.fileno()).st_size - start
            if size is None and there > MOST_BYTES:
                raise _too_large(there)
            data = _pread(file.fileno(), there if size is None else min(size, there), start)
        except OSError as exc:
            raise failure(exc, address) from exc
    if size is not None and len(data) < size:
        raise Unreadable(
            "unreadable_file", "Its file ends before it does: the archive is cut, or was written anew meanwhile."
        )
    return data


def _pread(descriptor: int, size: int, start: int) -> bytes:
    """Return so many bytes from there on, or up to the end of the file, which may have become shorter meanwhile."""
    data = os.pread(descriptor, size, start) if size > 0 else b""
    while 0 < len(data) < size and (more := os.pread(descriptor, size - len(data), start + len(data))):
        data += more  # only files of gigabytes, and some network file systems, come in several parts
    return data


def _too_large(size: int) -> Unreadable:
    return Unreadable(
        "payload_too_large", f"It has {size:,} bytes, and {MOST_BYTES:,} is the most that a photo may have."
    )
