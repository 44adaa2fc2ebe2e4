"""Layouts of TIFF, written by another implementation: the right pixels, or a refusal in words, and never anything else."""

import io
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from PIL import Image

from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import UnreadableImage, UnsupportedImageType
from sightserve.imaging.geometry import FitWithin

AS_IT_IS = Decoder(FitWithin(1024), "bicubic", max_pixels=10_000_000)
HEIGHT, WIDTH = 37, 53
TILE = (16, 16)


def ramp() -> np.ndarray:
    """Grey, shape (37, 53), uneven in both directions and with both ends of the range."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grey = (x * 5 + y * y % 97) % 250 + 2
    grey[0, 0], grey[-1, -1] = 0, 255
    result: np.ndarray = grey.astype(np.uint8)
    return result


GREY = ramp()
RGB = np.stack([GREY, GREY[::-1], 255 - GREY[:, ::-1]], axis=-1)
ALPHA = np.where(np.arange(WIDTH) % 2, 255, 128).astype(np.uint8)[None].repeat(HEIGHT, axis=0)
BYTE_ORDERS = {"little": "<", "big": ">"}


def over_white(colour: np.ndarray) -> np.ndarray:
    share = ALPHA / 255 if colour.ndim == 2 else ALPHA[..., None] / 255
    return (colour * share + 255 * (1 - share)).round()


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if "tile" not in options:
        options["rowsperstrip"] = 10
    tifffile.imwrite(buffer, pixels, metadata=None, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return AS_IT_IS.decode(data).pixels.astype(int)


def assert_shows(data: bytes, right: np.ndarray, within: int = 1) -> None:
    right = right if right.ndim == 3 else right[..., None].repeat(3, axis=2)
    assert np.abs(decoded(data) - right.astype(int)).max() <= within


def as_samples(grey: np.ndarray, kind: str) -> np.ndarray:
    """The same grey, over the whole range of a type of sample; from 0 to 1 where that is floating-point."""
    if kind.startswith("float"):
        return (grey / 255).astype(kind)
    limits = np.iinfo(kind)
    step = (int(limits.max) - int(limits.min)) // 255
    return (grey.astype(object) * step + int(limits.min)).astype(kind)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "uint32", "int32", "float32"])
@pytest.mark.parametrize("order", BYTE_ORDERS)
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("piece", ["strips", "tiles"])
@pytest.mark.parametrize("zero", ["black", "white"])
def test_grey_of_every_type_is_the_same_grey(kind, order, compression, piece, zero):
    options = {"tile": TILE} if piece == "tiles" else {}
    data = tiff(
        as_samples(GREY, kind),
        byteorder=BYTE_ORDERS[order],
        compression=compression,
        photometric="minisblack" if zero == "black" else "miniswhite",
        **options,
    )

    assert_shows(data, GREY if zero == "black" else 255 - GREY)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("order", BYTE_ORDERS)
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("piece", ["strips", "tiles"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("colour", ["rgb", "separated"])
def test_colours_of_every_arrangement_are_the_same_colours(kind, order, compression, piece, planes, colour):
    pixels = RGB if colour == "rgb" else np.dstack([255 - RGB, np.zeros_like(GREY)])
    samples = as_samples(pixels, kind)
    data = tiff(
        np.ascontiguousarray(np.moveaxis(samples, -1, 0)) if planes == "separate" else samples,
        byteorder=BYTE_ORDERS[order],
        compression=compression,
        planarconfig=planes,
        photometric=colour,
        **({"tile": TILE} if piece == "tiles" else {}),
    )

    assert_shows(data, RGB)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("order", BYTE_ORDERS)
def test_alpha_of_each_kind_is_over_white_and_what_has_no_meaning_is_not_shown(kind, order):
    premultiplied = (RGB * (ALPHA[..., None] / 255)).round().astype(np.uint8)
    for extra, colour, right in (
        ("unassalpha", RGB, over_white(RGB)),
        ("assocalpha", premultiplied, over_white(RGB)),
        ("unspecified", RGB, RGB),
    ):
        pixels = as_samples(np.dstack([colour, ALPHA]), kind)
        data = tiff(pixels, byteorder=BYTE_ORDERS[order], photometric="rgb", extrasamples=[extra])

        assert_shows(data, right, within=2)


@pytest.mark.parametrize(("extra", "right"), [("unassalpha", over_white(GREY)), ("unspecified", GREY)])
def test_grey_with_a_second_sample(extra, right):
    data = tiff(np.dstack([GREY, ALPHA]), photometric="minisblack", planarconfig="contig", extrasamples=[extra])

    assert_shows(data, right)


@pytest.mark.parametrize("predictor", [None, 2])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "uint32", "int32"])
@pytest.mark.parametrize("order", BYTE_ORDERS)
def test_differences_of_neighbours_are_summed_up(kind, order, predictor):
    data = tiff(as_samples(GREY, kind), byteorder=BYTE_ORDERS[order], compression="zlib", predictor=predictor)

    assert_shows(data, GREY)


def lzw(data: bytes) -> bytes:
    """LZW that has learnt nothing: codes of nine bits, each a byte, and the table cleared before it could grow."""
    codes: list[int] = []
    for at in range(0, len(data), 200):
        codes += [256, *data[at : at + 200]]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def packbits(data: bytes) -> bytes:
    return b"".join(bytes([len(part) - 1]) + part for part in (data[i : i + 128] for i in range(0, len(data), 128)))


def zstd(data: bytes) -> bytes:
    """A frame of one block that is not compressed (RFC 8878)."""
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data)) + (len(data) << 3 | 1).to_bytes(3, "little") + data


COMPRESSED: dict[int, Callable[[bytes], bytes]] = {
    5: lzw,
    8: zlib.compress,
    32946: zlib.compress,
    32773: packbits,
    34925: lzma.compress,
    50000: zstd,
}


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int32", "float32"])
@pytest.mark.parametrize("order", BYTE_ORDERS)
def test_every_compression_that_is_taken_gives_the_same_grey(compression, kind, order):
    samples = as_samples(GREY, kind).astype(np.dtype(kind).newbyteorder(BYTE_ORDERS[order]))
    strip = COMPRESSED[compression](samples.tobytes())
    data = by_hand(order, kind, strip, {259: (3, [compression])})

    assert_shows(data, GREY)


FORMATS = {"u": 1, "i": 2, "f": 3}


def by_hand(order: str, kind: str, strip: bytes, tags: dict[int, tuple[int, list[int]]], text: bytes = b"") -> bytes:
    """A TIFF of GREY's size in one strip, written field by field: for what tifffile cannot write."""
    mark, e = (b"II", "<") if order == "little" else (b"MM", ">")
    dtype = np.dtype(kind)
    every: dict[int, tuple[int, list[int]]] = {
        256: (3, [WIDTH]), 257: (3, [HEIGHT]), 258: (3, [dtype.itemsize * 8]), 259: (3, [1]), 262: (3, [1]),
        273: (4, [1000]), 277: (3, [1]), 278: (3, [HEIGHT]), 279: (4, [len(strip)]), 339: (3, [FORMATS[dtype.kind]]),
    } | tags  # fmt: skip
    body = struct.pack(e + "H", len(every) + bool(text))
    for tag, (field, values) in sorted(every.items()):
        letter = {3: "H", 4: "I"}[field]
        body += struct.pack(e + "HHI", tag, field, len(values)) + struct.pack(
            f"{e}{len(values)}{letter}", *values
        ).ljust(4, b"\0")
    if text:
        body += struct.pack(e + "HHII", 42113, 2, len(text), 800)
    head = mark + struct.pack(e + "HI", 42, 8) + body + bytes(4)
    return (head.ljust(800, b"\0") + text[:200]).ljust(1000, b"\0") + strip


@pytest.mark.parametrize("order", BYTE_ORDERS)
def test_twelve_bits_use_their_whole_range(order):
    values = GREY[:, :-1].astype(int) * 4095 // 255  # an even number a row fills its bytes
    bits = "".join(f"{value:012b}" for value in values.ravel())
    strip = int(bits, 2).to_bytes(len(bits) // 8, "big")

    data = by_hand(order, "uint16", strip, {256: (3, [WIDTH - 1]), 258: (3, [12])})

    assert_shows(data, GREY[:, :-1])


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("zero", [0, 1])
@pytest.mark.parametrize("order", BYTE_ORDERS)
def test_few_bits_use_their_whole_range(bits, zero, order):
    most = 2**bits - 1
    values = (GREY[:, :48] >> (8 - bits)).astype(int)
    text = "".join(f"{value:0{bits}b}" for value in values.ravel())
    strip = int(text, 2).to_bytes(len(text) // 8, "big")

    data = by_hand(order, "uint8", strip, {256: (3, [48]), 258: (3, [bits]), 262: (3, [zero])})

    assert_shows(data, values * 255 // most if zero == 1 else 255 - values * 255 // most)


def test_bits_in_the_other_order_are_turned_round():
    samples = (GREY.astype("<u2") * 257).tobytes()
    strip = bytes(int(f"{byte:08b}"[::-1], 2) for byte in samples)

    assert_shows(by_hand("little", "uint16", strip, {266: (3, [2])}), GREY)


def test_a_palette_is_looked_up():
    colours = np.stack([np.arange(256), np.arange(256)[::-1], np.arange(256) // 2]).astype(np.uint16) * 257

    assert_shows(tiff(GREY, photometric="palette", colormap=colours), (colours.T // 257)[GREY])


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw", "packbits"])
def test_black_and_white_of_every_compression(compression):
    lines = Image.fromarray(GREY > 100)
    buffer = io.BytesIO()
    lines.save(buffer, "TIFF", compression=compression)

    assert_shows(buffer.getvalue(), (GREY > 100) * 255)


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr"])
def test_jpeg_in_a_tiff_is_the_same_picture(mode):
    smooth = (
        Image.fromarray(RGB).resize((64, 48), Image.Resampling.BICUBIC).resize((640, 480), Image.Resampling.BICUBIC)
    )
    buffer = io.BytesIO()
    smooth.convert(mode).save(buffer, "TIFF", compression="jpeg", quality=95)
    right = np.asarray(smooth.convert("L" if mode == "L" else "RGB"))

    assert_shows(buffer.getvalue(), right, within=40 if mode == "YCbCr" else 16)


def test_lab_becomes_the_colours_that_it_names():
    """L* 53, a* 80, b* 67 is sRGB's red; signed bytes hold a* and b*."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:] = (round(53.2 * 2.55), 80, 67)

    found = decoded(tiff(pixels, photometric="cielab"))

    assert np.abs(found - (255, 0, 0)).max() <= 20


@pytest.mark.parametrize("value", ["-9999", "-3.4028234663852886e+38", "nan", "1e+20", "255.0"])
def test_gdals_value_for_nothing_is_black_and_flattens_nothing(value):
    samples = (GREY * 0.5 + 20).astype(np.float32)
    samples[5:9, 5:9] = np.float32(value)
    data = by_hand("little", "float32", samples.tobytes(), {}, text=value.encode() + b"\0")

    found = decoded(data)

    assert (found[5:9, 5:9] == 0).all()
    seen = np.ones(GREY.shape, bool)
    seen[5:9, 5:9] = False
    right = np.interp(samples, (20, 147.5), (0, 255))
    assert np.abs(found[..., 0] - right)[seen].max() <= 1


@pytest.mark.parametrize("value", ["0", "65535"])
def test_nothing_in_whole_numbers(value):
    samples = as_samples(GREY, "uint16")
    data = by_hand("big", "uint16", samples.astype(">u2").tobytes(), {}, text=value.encode() + b"\0")

    found = decoded(data)[..., 0]

    assert (found[samples == int(value)] == 0).all()
    assert np.abs(found - GREY)[samples != int(value)].max() <= 1


@pytest.mark.parametrize("value", [-9999.0, -3.4e38, 3.4e38, 1e20, np.nan, np.inf, -np.inf])
def test_a_value_for_nothing_that_no_tag_names_flattens_nothing(value):
    samples = GREY.astype(np.float32)
    samples[3:7, 20:30] = value

    found = decoded(tiff(samples))[..., 0]

    seen = np.ones(GREY.shape, bool)
    seen[3:7, 20:30] = False
    assert np.abs(found - GREY.astype(int))[seen].max() <= 1


@pytest.mark.parametrize("text", [b"\0", b"nothing\0", b"9" * 10_000, b"\xff" * 64, b"-1e999999\0"])
def test_nonsense_for_nothing_is_ignored(text):
    data = by_hand("little", "float32", (GREY / 255).astype("<f4").tobytes(), {}, text=text)

    assert_shows(data, GREY)


def test_a_small_part_of_a_wide_type_is_spread_over_black_to_white():
    assert_shows(tiff(GREY.astype(np.uint32) * 20 + 1000), GREY)
    assert_shows(tiff(GREY.astype(np.float32) * 20 - 1000), GREY)


def test_a_picture_of_one_value_is_grey():
    assert (decoded(tiff(np.full((HEIGHT, WIDTH), 3.5, np.float32))) == 128).all()


def test_a_picture_of_nothing_is_refused():
    with pytest.raises(UnreadableImage, match="no finite"):
        AS_IT_IS.decode(tiff(np.full((HEIGHT, WIDTH), np.nan, np.float32)))


NOT_READ = {
    6: "old-style JPEG", 34712: "JPEG 2000", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL", 9876: "9876",
}  # fmt: skip
UNTAKEN = [
    (tiff(GREY.astype(np.float64)), "64 bits"),
    (tiff(GREY.astype(np.float16)), "16 bits, floating-point"),
    (tiff(GREY.astype(np.int8)), "8 bits, signed"),
    (tiff(GREY.astype(np.uint64), photometric="minisblack"), "64 bits"),
    (tiff(GREY.astype(np.complex64)), "complex"),
    (tiff(RGB.astype(np.float32), photometric="rgb"), "RGB, 3 samples a pixel of 32 bits, floating-point"),
    (tiff(RGB.astype(np.uint32), photometric="rgb"), "32 bits"),
    (tiff(np.dstack([RGB, ALPHA, ALPHA]), photometric="rgb", extrasamples=["unassalpha", "unspecified"]), "5 samples"),
    (tiff(np.zeros((7, HEIGHT, WIDTH), np.uint16), photometric="minisblack", planarconfig="separate"), "7 samples"),
    (tiff(GREY, bigtiff=True, byteorder=">"), "BigTIFF"),
    *((by_hand("little", "uint8", GREY.tobytes(), {259: (3, [number])}), name) for number, name in NOT_READ.items()),
    (by_hand("little", "uint8", GREY.tobytes(), {50706: (4, [0x0401])}), "camera raw"),
    (by_hand("little", "uint8", GREY.tobytes(), {254: (4, [1]), 330: (4, [4000])}), "camera raw"),
    (by_hand("little", "uint8", GREY.tobytes(), {262: (3, [32803])}), "colour filter array"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), UNTAKEN, ids=[words for _, words in UNTAKEN])
def test_a_layout_that_is_not_taken_is_refused_by_name(data, words):
    with pytest.raises(UnsupportedImageType, match=words):
        AS_IT_IS.decode(data)


def test_little_endian_bigtiff_is_taken():
    assert_shows(tiff(RGB, bigtiff=True, photometric="rgb"), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_a_turned_tiff_is_upright(orientation, kind):
    data = tiff(as_samples(GREY, kind), extratags=[(274, 3, 1, orientation, True)])
    turned = {
        1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.T, 6: GREY[::-1].T, 7: GREY[::-1, ::-1].T,
        8: GREY.T[::-1],
    }  # fmt: skip

    assert_shows(data, turned[orientation])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_that_ends_too_soon_is_unreadable(compression):
    with pytest.raises(UnreadableImage):
        AS_IT_IS.decode(tiff(as_samples(GREY, "uint16"), compression=compression)[:-400])


@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_big_tiff_whose_directory_lies_beyond_every_file_is_damaged(order):
    """Offsets of 64 bits, of which the upper half fits no index."""
    byteorder: Literal["little", "big"] = "little" if order == "II" else "big"
    head = order.encode() + (43).to_bytes(2, byteorder) + (8).to_bytes(2, byteorder) + bytes(2)

    with pytest.raises((UnreadableImage, UnsupportedImageType)):
        decoded(head + (2**63 + 9).to_bytes(8, byteorder) + bytes(64))
