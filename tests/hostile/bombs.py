"""Images that cost their sender bytes and the server far more: memory, or time. Made by code, the same on every run.

Each function says in its docstring what it aims at. Sizes near MOST_PIXELS are the largest that the server's default takes.
"""

import io
import struct
import zlib
from functools import cache
from itertools import pairwise

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

SIDE = 7000  # 49 million pixels: just under the default limit of 50 million
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SHORT, LONG, UNDEFINED = 3, 4, 7  # TIFF field types


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def zeros(size: int) -> bytes:
    """Deflate that many zero bytes without having them: about a thousandth of their size."""
    packer, last = zlib.compressobj(9, wbits=-15), zlib.compressobj(9, wbits=-15)
    # a block that ends in a full flush stands for itself, as often as one likes
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = last.compress(bytes(size % 2**20)) + last.flush()
    # zlib's header and Adler-32 (RFC 1950): of zeros, one sum stays the 1 that it begins with, the other counts them
    return b"\x78\xda" + block * (size // 2**20) + rest + struct.pack(">I", size % 65_521 << 16 | 1)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, *before: bytes, data: bytes = b"", bits: int = 8, colour: int = 0, lace: int = 0
) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, lace))
    return PNG_SIGNATURE + header + b"".join(before) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_gigapixel() -> bytes:
    """Announces 10,000 million pixels."""
    return png(100_000, 100_000, data=zeros(10_000))


def png_largest() -> bytes:
    """As many pixels as are taken, four bytes each, in 200 KB."""
    return png(SIDE, SIDE, data=zeros(SIDE * (SIDE * 4 + 1)), colour=6)


def png_interlaced() -> bytes:
    """Adam7 passes over every pixel that is taken."""
    return png(SIDE, SIDE, data=zeros(SIDE * SIDE + 20 * SIDE), lace=1)


def png_text_bomb() -> bytes:
    """Compressed texts that inflate to 100 MB."""
    texts = [chunk(b"zTXt", b"k%d\0\0" % i + zeros(10 * 2**20)) for i in range(10)]
    return png(8, 8, *texts, data=zeros(72))


def png_profile_bomb() -> bytes:
    """A colour profile that inflates to 200 MB."""
    return png(8, 8, chunk(b"iCCP", b"p\0\0" + zeros(200 * 2**20)), data=zeros(72))


def png_many_chunks() -> bytes:
    """A million tiny private chunks before the picture: each costs Pillow a turn of a Python loop."""
    return png(8, 8, chunk(b"prVt", b"") * 1_000_000, data=zeros(72))


def png_many_data_chunks() -> bytes:
    """The picture in a million empty pieces."""
    picture = png(8, 8, data=zeros(72))
    at = picture.index(b"IDAT") - 4
    return picture[:at] + chunk(b"IDAT", b"") * 1_000_000 + picture[at:]


def jpeg_segments(whole: bytes) -> list[bytes]:
    """A JPEG cut before each of its scans: header, scan, scan, ..., end."""
    cuts = [0]
    at = whole.find(b"\xff\xda")
    while at >= 0:
        cuts.append(at)
        at = whole.find(b"\xff\xda", at + 2)
    return [whole[a:b] for a, b in pairwise([*cuts, len(whole) - 2])] + [whole[-2:]]


def jpeg_progressive_scans(side: int = 5000, scans: int = 5_000) -> bytes:
    """Thousands of scans, each of which makes libjpeg visit every coefficient of a large photo again."""
    header, *body, end = jpeg_segments(encoded(Image.new("L", (side, side), 128), "JPEG", progressive=True))
    first, coefficients, last = body[:3], body[3], body[3:]  # before the last, after which the picture is whole
    return header + b"".join(first) + coefficients * scans + b"".join(last) + end


def jpeg_gigapixel() -> bytes:
    """A 1 KB file that announces 65,500 x 65,500 pixels."""
    return with_jpeg_size(encoded(Image.new("L", (8, 8)), "JPEG"), 65_500, 65_500)


def jpeg_largest() -> bytes:
    """A progressive 1 KB file that announces as many pixels as are taken."""
    return with_jpeg_size(encoded(Image.new("RGB", (16, 16)), "JPEG", progressive=True), SIDE, SIDE)


def with_jpeg_size(whole: bytes, width: int, height: int) -> bytes:
    at = next(i for i in (whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2")) if i >= 0)
    return whole[: at + 5] + struct.pack(">HH", height, width) + whole[at + 9 :]


def jpeg_many_segments() -> bytes:
    """Five million empty application segments: Pillow keeps each in a list."""
    whole = encoded(Image.new("L", (64, 64)), "JPEG")
    return whole[:2] + b"\xff\xe5\x00\x02" * 5_000_000 + whole[2:]


def jpeg_junk_before_a_marker() -> bytes:
    """Twenty megabytes of nothing between two segments, which Pillow steps over byte by byte."""
    whole = encoded(Image.new("L", (64, 64)), "JPEG")
    return whole[:20] + bytes(20_000_000) + whole[20:]


def tiff(entries: dict[int, tuple[int, int, bytes]], after: bytes = b"", following: int = 0) -> bytes:
    """A little-endian TIFF: tag -> (type, count, four bytes of value or offset); `after` begins at offset 4096."""
    body = struct.pack("<H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        body += struct.pack("<HHI", tag, kind, count) + value
    head = b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", following)
    return head.ljust(4096, b"\0") + after


def number(value: int) -> tuple[int, int, bytes]:
    return LONG, 1, struct.pack("<I", value)


def grey_tiff(width: int, height: int, compression: int = 1) -> dict[int, tuple[int, int, bytes]]:
    return {
        256: number(width),
        257: number(height),
        258: number(8),
        259: number(compression),
        262: number(1),
        277: number(1),
    }


def tiff_gigapixel() -> bytes:
    return tiff(grey_tiff(100_000, 100_000) | {273: number(4096), 278: number(100_000), 279: number(100)}, bytes(100))


def tiff_giant_tile() -> bytes:
    """A hundred pixels a side, in one deflated tile of 900 million."""
    data = zeros(30_000 * 30_000)
    tags = {322: number(30_000), 323: number(30_000), 324: number(4096), 325: number(len(data))}
    return tiff(grey_tiff(100, 100, compression=8) | tags, data)


def tiff_endless_strip() -> bytes:
    """A hundred pixels a side, in one deflated strip of two thousand million rows."""
    data = zeros(200_000_000)
    tags = {273: number(4096), 278: number(2**31 - 1), 279: number(len(data))}
    return tiff(grey_tiff(100, 100, compression=8) | tags, data)


def tiff_giant_strip() -> bytes:
    """One deflated strip of as many pixels as are taken."""
    data = zeros(SIDE * SIDE)
    tags = {273: number(4096), 278: number(SIDE), 279: number(len(data))}
    return tiff(grey_tiff(SIDE, SIDE, compression=8) | tags, data)


def tiff_many_tiles() -> bytes:
    """Two million tiles of one pixel, each an entry of a Python list."""
    count = 1400 * 1400
    offsets = struct.pack("<I", 8) * count
    tags = {322: number(1), 323: number(1), 324: (LONG, count, struct.pack("<I", 4096)), 325: number(1)}
    return tiff(grey_tiff(1400, 1400) | tags, offsets)


def tiff_overlapping_tags() -> bytes:
    """Ten thousand tags that all have the same five megabytes as their value: 50 GB for whoever copies it."""
    tags = {40_000 + i: (UNDEFINED, 5_000_000, struct.pack("<I", 4096)) for i in range(300)}
    return tiff(grey_tiff(8, 8) | {273: number(4096), 279: number(64)} | tags, bytes(5_000_000))


def tiff_looping() -> bytes:
    """A directory whose next directory is itself."""
    return tiff(grey_tiff(8, 8) | {273: number(4096), 279: number(64)}, bytes(64), following=8)


def tiff_many_directories() -> bytes:
    """A hundred thousand directories, one after the other."""
    first = tiff(grey_tiff(8, 8) | {273: number(4096), 279: number(64)}, bytes(64), following=4160)
    rest = b"".join(struct.pack("<HI", 0, 4160 + 6 * (i + 1)) for i in range(100_000))
    return first + rest


def bmp(width: int, height: int, data: bytes, compression: int = 0, bits: int = 8) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 2, 2)
    palette = b"\0\0\0\0\xff\xff\xff\0"
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


def bmp_gigapixel() -> bytes:
    return bmp(60_000, 60_000, bytes(100))


def bmp_run_lengths() -> bytes:
    """Twelve million run lengths of one pixel, which Pillow unpacks in a Python loop."""
    return bmp(4_000, 3_000, (b"\x01\x01" * 4_000 + b"\0\0") * 3_000, compression=1)


def bmp_line_ends() -> bytes:
    """A hundred bytes: one pixel, then the end of a row of 49 million, padded by Pillow pixel by pixel."""
    return bmp(SIDE * SIDE, 1, b"\x01\x01\0\0" + b"\x01\x01\0\0" * 10, compression=1)


def bmp_deltas() -> bytes:
    """A jump of 255 rows of 49 million pixels."""
    return bmp(SIDE * SIDE, 1, b"\0\x02\xff\xff" * 10, compression=1)


def gif_gigapixel() -> bytes:
    """A canvas of 65,535 x 65,535 for one small frame."""
    whole = encoded(Image.new("P", (8, 8)), "GIF")
    return whole[:6] + b"\xff\xff\xff\xff" + whole[10:]


def gif_frame_beyond_its_canvas() -> bytes:
    """A small canvas whose first frame says that it is 65,535 x 65,535."""
    whole = encoded(Image.new("P", (8, 8)), "GIF")
    at = whole.index(b"\x2c\x00\x00\x00\x00") + 5
    return whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]


def gif_many_frames() -> bytes:
    frames = [Image.new("P", (600, 600), i % 256) for i in range(300)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def gif_comments() -> bytes:
    """Ten megabytes of comment in blocks of one byte."""
    whole = encoded(Image.new("P", (8, 8)), "GIF")
    at = whole.index(b"\x2c\x00\x00\x00\x00")
    return whole[:at] + b"\x21\xfe" + b"\x01x" * 5_000_000 + b"\x00" + whole[at:]


def gif_junk() -> bytes:
    """Twenty megabytes of nothing before the first frame, which Pillow steps over byte by byte."""
    whole = encoded(Image.new("P", (8, 8)), "GIF")
    at = whole.index(b"\x2c\x00\x00\x00\x00")
    return whole[:at] + b"\x01" * 20_000_000 + whole[at:]


def webp_gigapixel() -> bytes:
    dimension = (16_383 - 1).to_bytes(3, "little")
    body = b"VP8X" + (10).to_bytes(4, "little") + b"\x10\x00\x00\x00" + dimension + dimension
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def webp_largest(side: int = SIDE) -> bytes:
    return encoded(Image.new("RGBA", (side, side), (9, 9, 9, 9)), "WEBP", lossless=True, method=0, quality=0)


def with_announced_size(whole: bytes, width: int, height: int) -> bytes:
    """An AVIF or HEIC whose container announces another size than its picture has."""
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", width, height) + whole[at + 8 :]


def avif(side: int) -> bytes:
    return encoded(Image.new("RGB", (side, side), (40, 90, 200)), "AVIF", speed=10, max_threads=1)


@cache  # the quickest that its encoder can takes seconds
def heif(side: int) -> bytes:
    picture = Image.new("RGB", (side, side), (40, 90, 200))
    return encoded(picture, "HEIF", quality=10, enc_params={"preset": "ultrafast"})


def avif_largest() -> bytes:
    return avif(SIDE)


def heif_largest() -> bytes:
    return heif(SIDE)


def avif_gigapixel() -> bytes:
    return with_announced_size(avif(64), 60_000, 60_000)


def avif_larger_than_announced() -> bytes:
    """A picture of 64 million pixels in a container that says 4,096."""
    return with_announced_size(avif(8000), 64, 64)


def heif_gigapixel() -> bytes:
    return with_announced_size(heif(64), 60_000, 60_000)


def heif_larger_than_announced() -> bytes:
    return with_announced_size(heif(8000), 64, 64)


def exif(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    """EXIF with these (tag, type, count, value) and the offset of its next directory."""
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", following)


ABSURD_EXIF = {
    "cyclic": exif([(0x8769, LONG, 1, 8), (0x8825, LONG, 1, 8), (0xA005, LONG, 1, 8)], following=8),
    "huge counts": exif([(0x0112, SHORT, 2**32 - 1, 8), (0x010F, UNDEFINED, 2**32 - 1, 0)]),
    "wrong types": exif([(0x0112, 2, 4, 0x41414141), (0x0112, 12, 1, 8), (0x0128, 5, 1, 0), (0x011A, 13, 9, 1)]),
    "overlapping": exif([(1 + i, UNDEFINED, 60_000, 0) for i in range(4_000)]).ljust(65_000, b"\1"),
    "orientation is a float": exif([(0x0112, 11, 1, 0x7FC00000)]),
    "directory beyond the end": b"Exif\0\0II*\0\xff\xff\xff\x7f",
    "only a name": b"Exif\0\0",
}


def jpeg_exif_bomb() -> bytes:
    """Several megabytes of EXIF in a hundred segments, whose tags overlap."""
    whole = encoded(Image.new("L", (64, 64)), "JPEG")

    def segment(body: bytes) -> bytes:
        return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body

    first = exif([(1 + i, UNDEFINED, 5_000_000, 0) for i in range(4_000)])
    return whole[:2] + segment(first) + segment(b"Exif\0\0" + bytes(60_000)) * 100 + whole[2:]


def icc_profile(size: int, channels: int = 0, grid: int = 2) -> bytes:
    """An ICC profile of that many bytes, or one with a table of so many channels and steps, from their colour to Lab."""
    space = {0: b"RGB ", 3: b"RGB ", 4: b"CMYK"}[channels]
    table = b""
    if channels:
        matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
        entries = bytes(range(256)) * (grid**channels * 3 // 256 + 1)
        table = b"mft1\0\0\0\0" + bytes([channels, 3, grid, 0]) + matrix
        table += bytes(range(256)) * channels + entries[: grid**channels * 3] + bytes(range(256)) * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    body = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"A2B0", 176, len(table)) + white + table
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"lcms", 0x02400000, b"prtr", space, b"Lab ").ljust(36, b"\0")
    profile = (head + b"acsp").ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + body
    return profile.ljust(size, b"\0")


def jpeg_profile_largest() -> bytes:
    """Sixteen megabytes of colour profile, the most that a JPEG can carry."""
    return encoded(Image.new("RGB", (64, 64)), "JPEG", icc_profile=icc_profile(255 * 65_000))


def tiff_profile_table() -> bytes:
    """A table of four channels and 32 steps: three megabytes, all of which a transform is made from."""
    return encoded(Image.new("CMYK", (64, 64)), "TIFF", icc_profile=icc_profile(0, channels=4, grid=32))


def png_profile_table() -> bytes:
    """A table of three channels and 60 steps."""
    return encoded(Image.new("RGB", (64, 64)), "PNG", icc_profile=icc_profile(0, channels=3, grid=60))


def tiff_no_data_text() -> bytes:
    """A number of five million digits for no data."""
    return tiff(
        grey_tiff(8, 8) | {273: number(4096), 279: number(64), 42113: (2, 5_000_000, number(4096)[2])}, b"9" * 5_000_000
    )


def tiff_deep_largest() -> bytes:
    """As many pixels as are taken, of 32 bits, in one deflated strip."""
    data = zeros(SIDE * SIDE * 4)
    tags = {258: number(32), 273: number(4096), 278: number(SIDE), 279: number(len(data)), 339: number(3)}
    return tiff(grey_tiff(SIDE, SIDE, compression=8) | tags, data)


def png_colours_of_nonsense() -> bytes:
    """Every way to tell colours, each of them with values that make none."""
    chunks = [chunk(b"cHRM", b"\xff" * 32), chunk(b"gAMA", b"\xff" * 4), chunk(b"cICP", bytes([9, 255, 255, 255]))]
    return png(8, 8, *chunks, data=zeros(72))


def jpeg_scans_behind_the_picture() -> bytes:
    """Ten megabytes that look like scans and segments, after the end."""
    return encoded(Image.new("L", (64, 64)), "JPEG", progressive=True) + b"\xff\xda\xff\xc4\0\2" * 1_700_000


def jpeg_markers_in_the_scan() -> bytes:
    """A picture without an end, then ten megabytes of markers where its scans should go on."""
    whole = encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    return whole[: whole.index(b"\xff\xda", whole.index(b"\xff\xda") + 2)] + b"\xff\xe5\0\2" * 2_500_000


def avif_many_boxes() -> bytes:
    """A million empty boxes before those of the picture."""
    whole = avif(64)
    at = int.from_bytes(whole[:4], "big")
    return whole[:at] + b"\0\0\0\x08free" * 1_000_000 + whole[at:]


BOMBS = [
    jpeg_profile_largest, tiff_profile_table, png_profile_table, tiff_no_data_text, tiff_deep_largest, png_colours_of_nonsense,
    jpeg_scans_behind_the_picture, jpeg_markers_in_the_scan, avif_many_boxes,
    png_gigapixel, png_largest, png_interlaced, png_text_bomb, png_profile_bomb, png_many_chunks, png_many_data_chunks,
    jpeg_progressive_scans, jpeg_gigapixel, jpeg_largest, jpeg_many_segments,
    jpeg_junk_before_a_marker, jpeg_exif_bomb,
    tiff_gigapixel, tiff_giant_tile, tiff_giant_strip, tiff_endless_strip,
    tiff_many_tiles, tiff_overlapping_tags, tiff_looping,
    tiff_many_directories,
    bmp_gigapixel, bmp_run_lengths, bmp_line_ends, bmp_deltas,
    gif_gigapixel, gif_frame_beyond_its_canvas, gif_many_frames, gif_comments, gif_junk,
    webp_gigapixel, webp_largest, avif_gigapixel, avif_larger_than_announced, avif_largest,
    heif_gigapixel, heif_larger_than_announced, heif_largest,
]  # fmt: skip
# Seconds or hundreds of megabytes to make, or to answer: honest about a size that is just allowed.
EXPENSIVE = [
    jpeg_profile_largest, tiff_profile_table, png_profile_table, tiff_no_data_text, tiff_deep_largest,
    jpeg_scans_behind_the_picture, jpeg_markers_in_the_scan, avif_many_boxes,
    png_largest, png_interlaced, png_profile_bomb, png_many_chunks, png_many_data_chunks, jpeg_progressive_scans, jpeg_largest,
    jpeg_many_segments, jpeg_junk_before_a_marker, jpeg_exif_bomb, tiff_giant_tile, tiff_giant_strip, tiff_endless_strip,
    tiff_many_tiles, tiff_overlapping_tags, bmp_run_lengths, gif_many_frames, gif_comments, gif_junk, webp_largest,
    avif_larger_than_announced, avif_largest, heif_larger_than_announced, heif_largest,
]  # fmt: skip
