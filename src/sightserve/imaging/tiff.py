"""A TIFF's tags -> [is it a layout that is decoded right?] -> grey of more than 8 bits as 8-bit grey.

TIFF is a box of layouts, of which Pillow decodes some, decodes some as noise and calls the others damaged. Here the tags alone
decide: what is in the tables below is decoded right (tests/unit/imaging/test_tiff.py has them all, against another
implementation), and everything else is refused by name. libtiff decodes all of them, uncompressed ones too, so that there is
one path, whose samples are in this machine's byte order.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image

from sightserve.imaging import grey
from sightserve.imaging.errors import UnreadableImage, UnsupportedImageType

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _PLANAR, _INK, _EXTRA, _FORMAT = 277, 284, 332, 338, 339
_SUBFILE, _SUB_IFDS, _DNG, _NODATA = 254, 330, 50706, 42113
_LETTERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}  # BYTE, SHORT, LONG, LONG8
_MOST_SAMPLES: Final = 16
_LONGEST_NUMBER: Final = 64  # characters of GDAL's text

_COMPRESSIONS: Final = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000})
_UNTAKEN: Final = {
    6: "old-style JPEG", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32771: "CCITT RLE", 32809: "ThunderScan", 33003: "JPEG 2000",
    33004: "JPEG 2000", 33005: "JPEG 2000", 33007: "JPEG", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv",
    34712: "JPEG 2000", 34713: "NEF", 34887: "LERC", 34892: "lossy JPEG", 34933: "PNG", 34934: "JPEG XR", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_PHOTOMETRICS: Final = {
    0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab",
    32803: "colour filter array", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw", 51177: "depth",
}  # fmt: skip
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_KINDS: Final = {1: "unsigned", 2: "signed", 3: "floating-point", 4: "untyped", 5: "complex", 6: "complex"}


class Deep(NamedTuple):
    """How grey samples of more than 8 bits come out of Pillow: its mode, its name for the raw samples, and what they are."""

    mode: str
    raw: str
    dtype: str


_DEEP: Final = {
    (_UNSIGNED, 12): Deep("I;16", "I;12", "uint16"),
    (_UNSIGNED, 16): Deep("I;16", "I;16N", "uint16"),
    (_SIGNED, 16): Deep("I", "I;16NS", "int32"),
    (_UNSIGNED, 32): Deep("I", "I;32N", "uint32"),
    (_SIGNED, 32): Deep("I", "I;32NS", "int32"),
    (_FLOAT, 32): Deep("F", "F;32NF", "float32"),
}


class _Colour(NamedTuple):
    """What is taken of a kind of colour.

    Attributes:
        samples: a pixel.
        bits: a sample.
        extra: one more sample: 0 has no meaning, 1 is alpha that the others are multiplied by, 2 is alpha.
        planes: each sample may have one of its own.
    """

    samples: int
    bits: frozenset[int]
    extra: frozenset[tuple[int, ...]] = frozenset()
    planes: bool = False


_ALPHA: Final = frozenset({(0,), (1,), (2,)})
_COLOURS: Final = {
    1: _Colour(1, frozenset({8}), _ALPHA),
    2: _Colour(3, frozenset({8, 16}), _ALPHA, planes=True),
    3: _Colour(1, frozenset({1, 2, 4, 8}), frozenset({(0,), (2,)})),
    5: _Colour(4, frozenset({8, 16}), planes=True),
    6: _Colour(3, frozenset({8})),
    8: _Colour(3, frozenset({8})),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first picture's tags say of its samples.

    Attributes:
        bits: of a sample.
        kind: SampleFormat: unsigned, signed or floating-point.
        inverted: zero is white.
        nodata: a value that stands for no value at all, or None.
        grey: one sample a pixel, no palette.
    """

    bits: int
    kind: int
    inverted: bool
    nodata: float | None
    grey: bool


def entries(data: bytes, most: int) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (tag, type, count, the four or eight bytes of the value or its offset) of the first directory.

    Raises:
        UnreadableImage: more than `most` tags.
        struct.error: the file ends before its directory does.
    """
    order, big = _order(data)
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = _unpacked(order + ("Q" if big else "H"), data, at)
    if count > most:
        raise UnreadableImage(f"the TIFF image has more than {most:,} tags")
    at += 8 if big else 2
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    for _ in range(count):
        yield entry.unpack_from(data, at)
        at += entry.size


def layout(data: bytes) -> Layout:
    """Return the layout of the first picture.

    Raises:
        UnsupportedImageType: one that is not decoded right, in words that say which.
    """
    order, big = _order(data)
    if data[8:10] == b"CR" and not big:
        raise UnsupportedImageType("camera raw files (CR2) are not taken: export the photo as JPEG")
    if big and order == ">":
        raise UnsupportedImageType("big-endian BigTIFF images are not taken: save it as an ordinary TIFF or as PNG")
    tags: dict[int, tuple[int, ...]] = {}
    nodata = None
    for tag, kind, count, value in entries(data, 2**16):
        if tag == _NODATA:
            nodata = _number(data, order, count, value)
        elif tag in {_SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _INK, _EXTRA, _FORMAT}:
            tags.setdefault(tag, _values(data, order, kind, count, value))
        elif tag in {_DNG, _SUB_IFDS}:
            tags.setdefault(tag, (1,))
    if _DNG in tags or (_SUB_IFDS in tags and tags.get(_SUBFILE, (0,))[0] & 1):
        raise UnsupportedImageType("camera raw files are not taken: export the photo as JPEG")
    return _checked(tags, nodata)


def _checked(tags: dict[int, tuple[int, ...]], nodata: float | None) -> Layout:
    def one(tag: int, default: int) -> int:
        return tags[tag][0] if tags.get(tag) else default

    compression, photometric, samples = one(_COMPRESSION, 1), one(_PHOTOMETRIC, 0), one(_SAMPLES, 1)
    bits, kinds = tags.get(_BITS) or (1,), tags.get(_FORMAT) or (1,)
    extra = tags.get(_EXTRA) or ()
    if compression not in _COMPRESSIONS:
        name = _UNTAKEN.get(compression, f"an unknown ({compression})")
        raise UnsupportedImageType(f"TIFF images with {name} compression are not taken: save it as PNG")
    if len(set(bits)) > 1 or len(set(kinds)) > 1:
        raise UnsupportedImageType("TIFF images whose samples are of several kinds are not taken: save it as PNG")
    colour = _PHOTOMETRICS.get(photometric, f"an unknown kind ({photometric})")
    kind = _UNSIGNED if kinds[0] == 4 else kinds[0]  # noqa: PLR2004 - untyped
    found = (photometric, bits[0], kind, samples - len(extra), extra, one(_PLANAR, 1) if samples > 1 else 1)
    if not _taken(*found) or one(_INK, 1) != 1:
        planes = ", in planes" if found[-1] != 1 else ""
        raise UnsupportedImageType(
            f"TIFF images of this layout are not taken ({colour}, {samples} samples a pixel of {bits[0]} bits, "
            f"{_KINDS.get(kind, 'unknown')}{planes}): save it as PNG with 8 bits a sample"
        )
    return Layout(bits[0], kind, photometric == 0, nodata, photometric in {0, 1} and samples == 1)


def _taken(photometric: int, bits: int, kind: int, samples: int, extra: tuple[int, ...], planar: int) -> bool:
    """Whether Pillow and libtiff decode this right."""
    if photometric in {0, 1} and samples == 1 and not extra:
        return (kind == _UNSIGNED and bits in {1, 2, 4, 8}) or (kind, bits) in _DEEP
    colour = _COLOURS.get(photometric)
    return (
        colour is not None
        and kind == _UNSIGNED
        and samples == colour.samples
        and bits in colour.bits
        and (not extra or (extra in colour.extra and bits >= 8 and planar == 1))  # noqa: PLR2004
        and planar in ({1, 2} if colour.planes else {1})
    )


@cache
def teach() -> None:
    """Have Pillow decode by libtiff alone, and deep grey in every byte order: at the first TIFF, most processes see none."""
    from PIL import TiffImagePlugin  # noqa: PLC0415

    TiffImagePlugin.READ_LIBTIFF = True
    for (kind, bits), deep in _DEEP.items():
        for order in (b"II", b"MM"):
            for photometric in (0, 1):
                for fill in (1, 2):
                    TiffImagePlugin.OPEN_INFO[order, photometric, (kind,), fill, (bits,), ()] = (deep.mode, deep.raw)


def eight_bits(image: Image.Image, found: Layout) -> Image.Image:
    """Return deep grey as 8-bit grey, and anything else as it is. What has no value is black.

    Raises:
        UnreadableImage: no pixel has a value.
    """
    if not found.grey or found.bits <= 8:  # noqa: PLR2004
        return image
    dtype = _DEEP[found.kind, found.bits].dtype
    values = np.asarray(image).view(np.uint32) if dtype == "uint32" else np.asarray(image)
    valid = None if found.nodata is None else values != grey.sample(found.nodata, dtype)
    if found.kind == _FLOAT and not np.isfinite(values).all():
        valid = np.isfinite(values) if valid is None else valid & np.isfinite(values)
    shown = grey.known_range(values, found.bits) if dtype == "uint16" else grey.spread(values, valid)
    if found.inverted:
        np.subtract(255, shown, out=shown)
    if valid is not None:
        shown[~valid] = 0
    return Image.fromarray(shown)


def _order(data: bytes) -> tuple[str, bool]:
    return ("<" if data[0] == ord("I") else ">"), data[2:4] in {b"+\x00", b"\x00+"}


def _values(data: bytes, order: str, kind: int, count: int, value: bytes) -> tuple[int, ...]:
    letter = _LETTERS.get(kind)
    if letter is None or not 0 < count <= 2**16:
        return ()
    form = f"{order}{min(count, _MOST_SAMPLES)}{letter}"
    if struct.calcsize(f"{order}{count}{letter}") <= len(value):
        return struct.unpack_from(form, value)
    return _unpacked(form, data, int.from_bytes(value, "little" if order == "<" else "big"))


def _number(data: bytes, order: str, count: int, value: bytes) -> float | None:
    """Return GDAL's no-data value, which is a text."""
    at = int.from_bytes(value, "little" if order == "<" else "big")
    text = value[:count] if count <= len(value) else data[at : at + min(count, _LONGEST_NUMBER)]
    try:
        return float(text.rstrip(b"\0 ").decode("ascii"))
    except ValueError:
        return None


def _unpacked(form: str, data: bytes, at: int) -> tuple[Any, ...]:
    """Return what stands there; struct.error where the file ends before, by however much: BigTIFF's offsets have 64 bits."""
    if at > len(data):
        raise struct.error(f"the file ends before byte {at}")
    return struct.unpack_from(form, data, at)
