"""Which way up a photo is: cameras store pixels as the sensor lies, and a tag that says how to turn them."""

from typing import Final

from PIL import Image

_EXIF_ORIENTATION: Final = 0x0112
# How to make each EXIF orientation upright (EXIF 2.32, section 4.6.4): 5 to 8 also swap width and height.
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SWAPS_SIDES: Final = frozenset({5, 6, 7, 8})


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) where there is none or it is nonsense.

    To be asked after `load`: Pillow and pi-heif turn some formats (TIFF, HEIF) themselves and then clear the tag.
    """
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a photo with broken metadata is still a photo
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def upright(image: Image.Image, turned: int) -> Image.Image:
    """Return the image as it is to be seen, given its orientation."""
    return image.transpose(_UPRIGHT[turned]) if turned in _UPRIGHT else image
