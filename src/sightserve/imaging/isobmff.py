"""The boxes of an AVIF or HEIF -> [which pictures are in it, and what is said of each] -> `heif`, `containers`.

Nothing is decoded, and no box is believed: whatever is cut short or makes no sense is None, and the decoder says why. Layout:
ISO/IEC 14496-12, section 8.11 (meta box), and ISO/IEC 23008-12, section 9.3 (properties of items).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

THUMBNAIL: Final = b"thmb"
_MOST_BOXES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Items:
    """The pictures of a file, by their numbers.

    Attributes:
        primary: the one that the file is a picture of.
        primary_at: where in the file its number stands, and of how many bytes it is.
        all_properties: kind and body of each, in their order.
        properties_of: item -> indices in `all_properties`.
        thumbnails: of the primary one; item -> where in the file the kind of the reference stands that makes it one.
    """

    primary: int
    primary_at: tuple[int, int]
    all_properties: list[tuple[bytes, bytes]]
    properties_of: dict[int, list[int]]
    thumbnails: dict[int, int]

    def properties(self, item: int) -> list[tuple[bytes, bytes]]:
        """Return kind and body of each property of a picture."""
        numbers = self.properties_of.get(item, ())
        return [self.all_properties[number] for number in numbers if 0 <= number < len(self.all_properties)]


def has_still_picture(data: bytes) -> bool:
    """Return whether a file has a picture, and not only a film of them."""
    return any(kind == b"meta" for kind, _, _ in boxes(data, 0, len(data)))


def is_whole(data: bytes) -> bool:
    """Return whether the file goes on to the end of its last box."""
    at = 0
    for _, _, stop in boxes(data, 0, len(data), cut=False):
        at = stop
    return at == len(data)


def items(data: bytes) -> Items | None:
    """Return the pictures of a file, None where it does not say which is the one to be seen."""
    try:
        return _items(data)
    except (struct.error, IndexError):
        return None


def _items(data: bytes) -> Items | None:
    meta = next(((start, end) for kind, start, end in boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return None
    inside = {kind: (start, end) for kind, start, end in boxes(data, meta[0] + 4, meta[1])}
    if not {b"pitm", b"iprp"} <= inside.keys():
        return None
    start = inside[b"pitm"][0]
    width = 4 if data[start] else 2
    primary = int.from_bytes(data[start + 4 : start + 4 + width], "big")
    kinds = {kind: (start, end) for kind, start, end in boxes(data, *inside[b"iprp"])}
    return Items(
        primary,
        (start + 4, width),
        [(kind, data[start:end]) for kind, start, end in boxes(data, *kinds[b"ipco"])] if b"ipco" in kinds else [],
        dict(_associations(data, *kinds[b"ipma"])) if b"ipma" in kinds else {},
        _thumbnails(data, *inside[b"iref"], primary) if b"iref" in inside else {},
    )


def _associations(data: bytes, start: int, end: int) -> Iterator[tuple[int, list[int]]]:
    """Yield each item with the indices of its properties, from 0."""
    item_width, step = 4 if data[start] else 2, 2 if data[start + 3] & 1 else 1
    mask = 0x7FFF if step == 2 else 0x7F  # noqa: PLR2004 - bytes; the first bit says that it is essential
    at = start + 8
    for _ in range(min(int.from_bytes(data[start + 4 : start + 8], "big"), _MOST_BOXES)):
        if at + item_width >= end:
            return
        item, count = int.from_bytes(data[at : at + item_width], "big"), data[at + item_width]
        at += item_width + 1
        numbers = range(at, at + count * step, step)
        yield item, [(int.from_bytes(data[i : i + step], "big") & mask) - 1 for i in numbers]
        at += count * step


def _thumbnails(data: bytes, start: int, end: int, of: int) -> dict[int, int]:
    """Return the items that are thumbnails of one, and where that is said."""
    width = 4 if data[start] else 2
    found = {}
    for kind, at, stop in boxes(data, start + 4, end):
        ids = [int.from_bytes(data[i : i + width], "big") for i in range(at + width + 2, stop - width + 1, width)]
        if kind == THUMBNAIL and of in ids and data[at - 4 : at] == THUMBNAIL:
            found[int.from_bytes(data[at : at + width], "big")] = at - 4
    return found


def boxes(data: bytes, at: int, end: int, *, cut: bool = True) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, end) of the bodies of the boxes that lie in a part of the file.

    Args:
        data: the file.
        at: where the first box begins.
        end: of the part.
        cut: end a box where the part ends, though it says that it goes on.
    """
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
        yield kind, start, min(stop, end) if cut else stop
        at = stop
