"""Format -> [would this header keep a decoder busy for ever, or fill the memory?] -> decode.

Pixels are not all that a file can have too many of. A decoder takes every segment, chunk and comment into memory, and a tile of
a TIFF may be a thousand times larger than its picture: a few hundred bytes buy seconds and gigabytes. Each check here reads the
headers alone, and no more of them than it allows. What honest files have is orders of magnitude below the limits. A JPEG's
scans, each of which makes a decoder visit every coefficient again, are counted where its end is found (`jpeg`).
"""

import struct
from collections.abc import Callable
from typing import Final

from sightserve.imaging.errors import UnreadableImage, UnsupportedImageType
from sightserve.imaging.jpeg import check_frame
from sightserve.imaging.tiff import entries

# A photo has up to 20 segments; one with a large colour profile or a preview has some hundred, of 64 KiB each.
_MOST_SEGMENTS: Final = 1_000
_MOST_JUNK: Final = 65_536  # bytes between JPEG segments, which Pillow steps over one by one
_MOST_CHUNKS: Final = 65_536  # of a PNG: encoders that write small ones make them of 8 KiB
_MOST_BLOCKS: Final = 20_000  # of 255 bytes, in the extensions before a GIF's first frame
_MOST_TAGS: Final = 4_096
_FIELD_BYTES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_SHARED: Final = 65_536  # bytes that two tags of an honest file may share: a resolution for both directions
_MOST_PIECES: Final = 65_536  # strips or tiles: one a row in the tallest picture that is taken
_MOST_TILE_PIXELS: Final = 2**22  # a tile may be larger than its picture, but not by much

_MARKER: Final = 0xFF
_START_OF_SCAN: Final = 0xDA
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


def preflight(data: bytes, format_name: str) -> None:
    """Refuse an image whose header is an attack on its decoder; harmless where the header makes no sense at all.

    Raises:
        UnreadableImage: more segments, chunks, comments or tiles than any honest file has.
        UnsupportedImageType: a compressed BMP; a JPEG that libjpeg does not decode.
    """
    check = _CHECKS.get(format_name)
    if check is not None:
        try:
            check(data)
        except (IndexError, struct.error):  # cut short: the decoder says so
            return


def _check_jpeg(data: bytes) -> None:
    at, segments, junk = 2, 0, 0
    while True:
        if data[at] != _MARKER or data[at + 1] in {0x00, _MARKER}:  # no marker, or padding before one
            found = data.find(b"\xff", at + 1)
            junk += (found if found >= 0 else len(data)) - at
            if junk > _MOST_JUNK:
                raise UnreadableImage("the JPEG image has nothing where its next segment should be")
            if found < 0:
                return
            at = found
            continue
        marker = data[at + 1]
        if marker == _START_OF_SCAN:
            break
        check_frame(marker, data[at + 4])
        segments += 1
        if segments > _MOST_SEGMENTS:
            raise UnreadableImage(f"the JPEG image has more than {_MOST_SEGMENTS:,} segments before its picture")
        at += 2 if marker in _STANDALONE else 2 + (data[at + 2] << 8 | data[at + 3])


def _check_png(data: bytes) -> None:
    at, chunks = 8, 0
    while at < len(data):
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        chunks += 1
        if chunks > _MOST_CHUNKS:
            raise UnreadableImage(f"the PNG image has more than {_MOST_CHUNKS:,} chunks")


def _check_gif(data: bytes) -> None:
    flags = data[10]
    at, blocks = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0
    while data[at] not in b",;":  # an image, the end
        if data[at] == 0x21:  # an extension and its kind, then blocks up to an empty one  # noqa: PLR2004
            at += 2
            while data[at]:
                at += 1 + data[at]
                blocks += 1
                if blocks > _MOST_BLOCKS:
                    raise UnreadableImage(f"the GIF image has more than {_MOST_BLOCKS:,} blocks before its picture")
        else:
            blocks += 1
            if blocks > _MOST_BLOCKS:
                raise UnreadableImage("the GIF image has nothing where its picture should be")
        at += 1


def _check_tiff(data: bytes) -> None:
    order = "<" if data[0] == ord("I") else ">"
    held = 0
    sizes: dict[int, int] = {}
    for tag, kind, values, value in entries(data, _MOST_TAGS):
        size = values * _FIELD_BYTES.get(kind, 1)
        held += size if size <= len(data) else 0  # what is larger than the file is skipped
        if tag in {273, 324} and values > _MOST_PIECES:  # StripOffsets, TileOffsets
            raise UnreadableImage(f"the TIFF image has more than {_MOST_PIECES:,} strips or tiles")
        if tag in {256, 257, 322, 323}:  # ImageWidth, ImageLength, TileWidth, TileLength
            letter = {3: "H", 4: "I", 16: "Q"}.get(kind)
            # Pillow keeps the first of two equal tags, libtiff may not: the larger one counts
            sizes[tag] = max(sizes.get(tag, 0), struct.unpack_from(order + letter, value)[0] if letter else 0)
    if held > len(data) + _MOST_SHARED:
        raise UnreadableImage("the TIFF image has tags that share their values")
    picture = sizes.get(256, 0) * sizes.get(257, 0)
    if sizes.get(322, 0) * sizes.get(323, 0) > max(_MOST_TILE_PIXELS, 2 * picture):
        raise UnreadableImage("the TIFF image has tiles that are far larger than the picture")


def _check_bmp(data: bytes) -> None:
    header_size, compression = struct.unpack_from("<I", data, 14)[0], struct.unpack_from("<I", data, 30)[0]
    # Pillow unpacks them pixel by pixel in Python: 60 bytes are 7 seconds. Nobody has sent a photo like this since 1995.
    if header_size >= 40 and compression in {1, 2}:  # noqa: PLR2004 - BITMAPINFOHEADER; BI_RLE8, BI_RLE4
        raise UnsupportedImageType("run-length encoded BMP images are not taken: save it as PNG")
    if header_size >= 40 and compression not in {0, 3, 6}:  # noqa: PLR2004 - plain, and with masks that say where the bits are
        raise UnsupportedImageType("compressed BMP images are not taken: save it as PNG")


_CHECKS: Final[dict[str, Callable[[bytes], None]]] = {
    "JPEG": _check_jpeg,
    "PNG": _check_png,
    "GIF": _check_gif,
    "TIFF": _check_tiff,
    "BMP": _check_bmp,
}
