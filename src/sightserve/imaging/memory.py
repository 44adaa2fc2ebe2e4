"""An opened image -> [how much memory will decoding it take?] -> `decode` asks for it before anything is decoded.

Bytes for each pixel, measured (peak resident memory of a fresh process, 24 megapixels, rounded up): what a decoder keeps beside
the picture, the picture as Pillow stores it, and copies that are made of all of it before it is resized.
`tests/hostile/test_memory.py` measures them again.
"""

from typing import Final

from PIL import Image, JpegImagePlugin

from sightserve.imaging import jpeg

_UNIT: Final = 4  # bytes: of a pixel as Pillow stores colours
# libwebp keeps the last frame, the current one and a copy; libavif and libheif the planes, of two bytes a sample beyond 8 bits.
_FORMATS: Final = {"WEBP": 16.5, "AVIF": 14.0, "HEIF": 9.5}
_MODES: Final = {"1": 2.2, "L": 1.2, "P": 5.3, "LA": 8.3, "PA": 9.3, "RGBA": 8.3, "I": 12.2, "F": 12.2}
_SIXTEEN_BITS: Final = 6.2
_COLOUR: Final = 4.3  # RGB, CMYK, YCbCr, Lab
_TRANSPARENT: Final = {"L": 9.3, "P": 9.3, "RGB": 12.3}  # one colour is: an alpha channel is made of it
_SIXTEEN_BITS_TRANSPARENT: Final = 14.2
# A TIFF may be one strip, which libtiff decodes at once: samples of two bytes beside the picture.
_STRIP: Final = {"1": 0.2, "L": 1.2, "P": 1.2, "RGB": 6.0, "RGBA": 4.2, "CMYK": 8.0, "LAB": 3.2, "YCbCr": 3.2}
_COEFFICIENT: Final = 2.1  # bytes, of each component: none may be subsampled


def pixels_in_memory(image: Image.Image, data: bytes) -> int:
    """Return the memory that decoding takes beside the file, in pixels of four bytes.

    Args:
        image: opened, and drafted to the scale at which it will be decoded; not decoded yet.
        data: the file.
    """
    pixels = image.width * image.height
    taken = pixels * _bytes_a_pixel(image)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and jpeg.keeps_coefficients(data):
        scale: int = image.decoderconfig[0] if image.decoderconfig else 1
        taken += pixels * scale * scale * image.layers * _COEFFICIENT
    return int(taken / _UNIT)


def webp_pixels_in_memory(width: int, height: int) -> int:
    """Return the same for a WebP of this size in pixels, which Pillow decodes while it opens it."""
    return int(width * height * _FORMATS["WEBP"] / _UNIT)


def _bytes_a_pixel(image: Image.Image) -> float:
    if image.format in _FORMATS:
        return _FORMATS[image.format]
    transparent = "transparency" in image.info
    if image.mode.startswith("I;16"):
        return _SIXTEEN_BITS_TRANSPARENT if transparent else _SIXTEEN_BITS
    each = _MODES.get(image.mode, _COLOUR)
    if transparent:
        each = max(each, _TRANSPARENT.get(image.mode, each))
    return each + (_STRIP.get(image.mode, 0.0) if image.format == "TIFF" else 0.0)
