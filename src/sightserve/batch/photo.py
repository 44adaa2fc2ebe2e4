"""Where one photo is: what is listed, what is written down for the next run, and what travels to another machine."""

from typing import Final, NamedTuple

MOST_BYTES: Final = 256 * 2**20  # of one photo: what is larger becomes a row with `payload_too_large`


class Photo(NamedTuple):
    """One photo.

    Attributes:
        name: as its row says it: its path in the folder, bucket or archive; in a listing what stands there. A name of a file is
            bytes, and not all of them are text: such ones are as `os.fsdecode` gives them.
        address: a file's absolute path, or a URL that fsspec takes.
        member: of a zip or a compressed tar at that address; empty where the photo is no member of one.
        start: byte at which it begins in that file; in a compressed tar, in what is unpacked of it.
        size: of its bytes, as they are in that file; None: to the end of the file.
        data: its bytes, where they are cheap only in their turn: from a compressed tar.
        fault: why it cannot be read, where that was found when it was listed: its row says so.
    """

    name: str
    address: str
    member: str = ""
    start: int = 0
    size: int | None = None
    data: bytes | None = None
    fault: str = ""


def order(name: str) -> bytes:
    """Return what names are sorted by: their bytes, as object stores do, so that all kinds of sources agree."""
    return name.encode("utf-8", errors="surrogateescape")


def is_url(address: str) -> bool:
    """Return whether this is a URL that fsspec is asked for, rather than a path: `s3://bucket/photos`."""
    scheme, separator, _ = address.partition("://")
    return bool(separator) and scheme.replace("+", "").replace("-", "").isalnum()
