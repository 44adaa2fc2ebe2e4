"""The bytes of a PNG, an AVIF or a HEIF -> [what they say of their colours that Pillow does not pass on] -> two code points."""

import struct
from typing import Final

from sightserve.imaging.isobmff import items

_MOST_CHUNKS: Final = 1_024
_NCLX: Final = b"nclx"


def png_code_points(data: bytes) -> tuple[int, int] | None:
    """Return (primaries, transfer) of a PNG's cICP chunk, which stands before the picture, or None."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        kind = data[at + 4 : at + 8]
        if kind == b"cICP":
            return (data[at + 8], data[at + 9]) if len(data) > at + 9 else None
        if kind in {b"IDAT", b""}:
            break
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return None


def heif_code_points(data: bytes) -> tuple[int, int] | None:
    """Return (primaries, transfer) of the nclx that belongs to the primary picture of an AVIF or HEIF, or None.

    Layout: ISO/IEC 14496-12, section 12.1.5.
    """
    found = items(data)
    if found is None:
        return None
    for properties in (found.properties(found.primary), found.all_properties):
        points = {
            struct.unpack_from(">HH", body, 4)
            for kind, body in properties
            if kind == b"colr" and body.startswith(_NCLX) and len(body) >= 8  # noqa: PLR2004 - bytes up to the transfer
        }
        if len(points) == 1:
            return points.pop()
    return None
