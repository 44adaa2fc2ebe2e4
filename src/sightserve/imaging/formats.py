"""Bytes -> [which image format, by its first bytes] -> decode.

Imports nothing that decodes: who only needs a list of names does not load Pillow for it.

Only the format that the signature names is ever handed to a decoder: a file's name and its content type decide nothing,
and a decoder that is not on this list never sees a stranger's bytes.
"""

from pathlib import PurePath
from typing import Final

MEDIA_TYPES: Final[dict[str, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}
# What is taken from a folder or a zip, and what a file chooser offers; the bytes decide in the end.
SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"}
)

_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_ANY_HEIF: Final = frozenset({b"mif1", b"msf1"})
_OTHER_CODECS: Final = frozenset(
    {b"avci", b"avcs", b"vvic", b"vvis", b"evbi", b"evbs", b"j2ki", b"j2is", b"jpeg", b"jpgs"}
)

# What people send as well, and what they know it as.
_UNTAKEN: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"8BPS", "a Photoshop file (PSD)"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"gimp xcf", "a GIMP file (XCF)"),
    (0, b"\x00\x00\x01\x00", "an icon (ICO)"),
    (0, b"\x00\x00\x02\x00", "a cursor (CUR)"),
    (0, b"icns", "an icon (ICNS)"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"qoif", "QOI"),
    (0, b"BPG\xfb", "BPG"),
    (0, b"FLIF", "FLIF"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (0, b"II\x55\x00", "a camera raw file (RW2)"),
    (0, b"IIRO", "a camera raw file (ORF)"),
    (0, b"IIRS", "a camera raw file (ORF)"),
    (0, b"MMOR", "a camera raw file (ORF)"),
    (0, b"FUJIFILMCCD-RAW", "a camera raw file (RAF)"),
    (0, b"FOVb", "a camera raw file (X3F)"),
    (0, b"\x00MRM", "a camera raw file (MRW)"),
    (4, b"ftypcrx ", "a camera raw file (CR3)"),
    (4, b"ftypavci", "HEIF with AVC"),
    (4, b"ftypavcs", "HEIF with AVC"),
    (4, b"ftypvvic", "HEIF with VVC"),
    (4, b"ftypj2ki", "HEIF with JPEG 2000"),
    (4, b"ftypjpeg", "HEIF with JPEG"),
    (4, b"ftypunif", "HEIF of another kind"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"OggS", "a video"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
)
_TEXT: Final = ((b"<svg", "SVG"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))


def untaken(data: bytes) -> str | None:
    """Return what a file is that `sniff` knows nothing about, as a phrase to begin a sentence with, or None."""
    for at, signature, name in _UNTAKEN:
        if data.startswith(signature, at):
            return name
    start = data[:1024].lower()
    for word, name in _TEXT:
        if word in start:
            return name
    if data[:1] == b"P" and data[1:2] in b"1234567" and data[2:3].isspace():
        return "a portable pixmap (PNM)"
    return None


def is_photo_name(name: str) -> bool:
    """Return whether a file of this name, its path inside a folder or a zip, is meant as a photo.

    macOS leaves a file `._IMG_1.jpg` beside `IMG_1.jpg` on other systems' disks, and a folder of them in a zip: they have a
    photo's name, and no photo in them.
    """
    path = PurePath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._") and "__MACOSX" not in path.parts


def sniff(data: bytes) -> str | None:
    """Return the name of the image format that the first bytes announce, a key of MEDIA_TYPES, or None."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _sniff_brands(data)
    return None


def _sniff_brands(data: bytes) -> str | None:
    """Tell AVIF from HEIF by the brands of the ISO base media file type box (ISO/IEC 14496-12, section 4.3)."""
    box_end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    # major brand at 8, its version at 12, compatible brands from 16; `mif1` alone says only that it is some HEIF image
    brands = {data[8:12]} | {data[i : i + 4] for i in range(16, box_end - 3, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS or (brands & _ANY_HEIF and not brands & _OTHER_CODECS):
        return "HEIF"
    return None


def webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Return a WebP's (width, height) in pixels from its header, or None where the header is damaged.

    Pillow allocates the whole canvas when it opens a WebP, before its size can be asked for: the one format whose pixels
    have to be counted beforehand. Layout: RFC 9649, sections 2.5 to 2.7.
    """
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:  # noqa: PLR2004 - bytes up to the last dimension
        return None
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L" and body[0] == 0x2F:  # noqa: PLR2004 - the signature byte
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return None
