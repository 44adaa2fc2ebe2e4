"""The bytes of a PNG, an AVIF or a HEIF -> [what they say of their colours that Pillow does not pass on] -> two code points."""

import struct
from collections.abc import Iterator
from typing import Final

_MOST_BOXES: Final = 4_096
_MOST_CHUNKS: Final = 1_024


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
    """Return (primaries, transfer) of the nclx that belongs to the primary picture of an AVIF or HEIF, or None."""
    try:
        return _nclx(data)
    except (struct.error, IndexError):
        return None


def has_still_picture(data: bytes) -> bool:
    """Return whether an AVIF or HEIF has a picture, and not only a film of them."""
    return any(kind == b"meta" for kind, _, _ in _boxes(data, 0, len(data)))


def _nclx(data: bytes) -> tuple[int, int] | None:
    """Layout: ISO/IEC 14496-12, sections 8.11.4 and 12.1.5, and ISO/IEC 23008-12, section 9.3."""
    meta = next(((start, end) for kind, start, end in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return None
    inside = {kind: (start, end) for kind, start, end in _boxes(data, meta[0] + 4, meta[1])}
    if b"iprp" not in inside:
        return None
    properties = {kind: (start, end) for kind, start, end in _boxes(data, *inside[b"iprp"])}
    if b"ipco" not in properties:
        return None
    colours = {
        number: struct.unpack_from(">HH", data, start + 4)
        for number, (kind, start, _) in enumerate(_boxes(data, *properties[b"ipco"]), 1)
        if kind == b"colr" and data[start : start + 4] == b"nclx"
    }
    if not colours:
        return None
    if b"pitm" in inside and b"ipma" in properties:
        start = inside[b"pitm"][0]
        primary = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)[0]
        for number in _associated(data, *properties[b"ipma"], primary):
            if number in colours:
                return colours[number]
    return colours[min(colours)] if len(set(colours.values())) == 1 else None


def _associated(data: bytes, start: int, end: int, item: int) -> list[int]:
    """Return the numbers of the properties of an item."""
    wide_item, wide_property = data[start] > 0, data[start + 3] & 1
    at = start + 8
    for _ in range(min(int.from_bytes(data[start + 4 : start + 8], "big"), _MOST_BOXES)):
        if at >= end:
            break
        found = struct.unpack_from(">I" if wide_item else ">H", data, at)[0]
        at += 4 if wide_item else 2
        count = data[at]
        step = 2 if wide_property else 1
        if found == item:
            mask = 0x7FFF if wide_property else 0x7F
            return [
                int.from_bytes(data[i : i + step], "big") & mask for i in range(at + 1, at + 1 + count * step, step)
            ]
        at += 1 + count * step
    return []


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, end) of the bodies of the boxes that lie in a part of the file."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            if at + 16 > end:
                return
            size, start = struct.unpack_from(">Q", data, start)[0], start + 8
        stop = end if size == 0 else at + size
        if stop < start:
            return
        yield kind, start, min(stop, end)
        at = stop
