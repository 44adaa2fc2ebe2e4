"""A photo as a browser can show it: upright, of bounded size, whatever the file's format.

The files are strangers'. Their size is read from the header before any pixel is decoded, few are decoded at once, and what
cannot be shown is None and never an error: the classifier may still read it.
"""

import base64
import io
import threading
from dataclasses import dataclass
from typing import Final

import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
_MOST_PIXELS: Final = 50_000_000  # what the backend takes by default
# Four bytes a pixel and a copy or two: 50 megapixels are 400 MB for a moment, so only so many people decode at once.
_DECODING = threading.BoundedSemaphore(2)
_THUMBNAIL: Final = 72  # pixels, longest side
_SHOWN: Final = 1024
_ORIENTATION: Final = 0x0112  # the EXIF tag
_PALETTES: Final = frozenset({"P", "PA", "1"})  # modes that shrink badly as they are


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is kept of a photo to show it: two small JPEGs, a hundred kilobytes or so together."""

    preview: bytes
    thumbnail: bytes
    width: int  # pixels, of the preview
    height: int


def pictures(photo: bytes, longest_side: int = _SHOWN, thumbnail_side: int = _THUMBNAIL) -> Pictures | None:
    """Return the photo at two sizes, decoded once, or None where it cannot be shown."""
    image = _upright(photo, longest_side)
    if image is None:
        return None
    small = image.copy()
    small.thumbnail((thumbnail_side, thumbnail_side))
    return Pictures(_jpeg(image, 86), _jpeg(small, 78), image.width, image.height)


def preview(photo: bytes, longest_side: int = _SHOWN) -> bytes | None:
    """Return a JPEG of the photo with at most `longest_side` pixels a side, or None where it cannot be shown."""
    image = _upright(photo, longest_side)
    return None if image is None else _jpeg(image, 80)


def thumbnail(photo: bytes) -> bytes | None:
    """Return a JPEG of the photo that is small enough for a table of a thousand."""
    return preview(photo, _THUMBNAIL)


def data_url(jpeg: bytes) -> str:
    """Return a small picture as an address that holds it: nothing to fetch, nothing to keep on the server."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _upright(photo: bytes, longest_side: int) -> Image.Image | None:
    if _webp_pixels(photo) > _MOST_PIXELS:
        return None
    try:
        with _DECODING:
            return _decode(photo, longest_side)
    except Exception:  # noqa: BLE001 - a stranger's file: Pillow raises whatever it stumbles over, and the page goes on
        return None


def _decode(photo: bytes, longest_side: int) -> Image.Image | None:
    with Image.open(io.BytesIO(photo), formats=_FORMATS) as image:
        if image.width * image.height > _MOST_PIXELS:
            return None
        image.draft("RGB", (longest_side, longest_side))  # JPEGs: decode no more than is shown
        # Small before upright and before white: turning and blending touch every pixel, and most are not needed.
        orientation = image.getexif().get(_ORIENTATION, 1)
        small = image.convert("RGBA") if image.mode in _PALETTES else image.copy()
        small.thumbnail((longest_side, longest_side))
        exif = small.getexif()
        exif[_ORIENTATION] = orientation
        return _on_white(ImageOps.exif_transpose(small))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in {"RGBA", "LA", "PA", "P"}:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)  # without EXIF: where a photo was taken is nobody's business here
    return buffer.getvalue()


def _webp_pixels(data: bytes) -> int:
    """Return a WebP's pixels from its header, or 0 for anything else.

    Pillow allocates the whole canvas when it opens a WebP, before its size can be asked for: a file of a few bytes could
    ask for a gigabyte. Layout: RFC 9649, sections 2.5 to 2.7.
    """
    chunk, body = data[12:16], data[20:30]
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return 0
    if chunk == b"VP8X":
        return (int.from_bytes(body[4:7], "little") + 1) * (int.from_bytes(body[7:10], "little") + 1)
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 ":
        return (int.from_bytes(body[6:8], "little") & 0x3FFF) * (int.from_bytes(body[8:10], "little") & 0x3FFF)
    return 0
