"""The first bytes of a file -> [what it is], whatever it is called."""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Final, Literal

Kind = Literal[
    "empty", "web page", "git-lfs", "zip", "tar", "pickle", "hdf5", "tflite", "ort", "gguf", "tensorrt", "json", "other"
]
# what the zipfile module raises at a damaged file
ZIP_ERRORS: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, IndexError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip
_HEAD: Final = 512
_STARTS: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"version https://git-lfs", "git-lfs"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x1f\x8b", "tar"),
    (b"GGUF", "gguf"),
    (b"ftrt", "tensorrt"),
    (b"ptrt", "tensorrt"),
)
_PAGE: Final = re.compile(rb"\s*<(!doctype html|html|head|\?xml[^>]*>\s*<html)", re.IGNORECASE)


def kind_of(path: Path) -> Kind:
    """Return what the file is by its first bytes; an error of the system's is the caller's."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\0"):
        return "empty"  # zeros are what an interrupted download leaves
    known: tuple[tuple[bool, Kind], ...] = (
        *((head.startswith(start), kind) for start, kind in _STARTS),
        (bool(_PAGE.match(head)), "web page"),
        (head[4:8] == b"TFL3", "tflite"),
        (head[4:8] == b"ORTM", "ort"),
        (head[257:262] == b"ustar", "tar"),
        # protocol 2 to 5; the old ones are text, and looked at by name only
        (head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}, "pickle"),
        (head.lstrip()[:1] == b"{" and b'"' in head, "json"),
    )
    return next((kind for found, kind in known if found), "other")
