"""A HEIF's bytes -> [the picture, or the small one that phones store beside it, where that is large enough] -> an opened image.

A phone's 12 megapixels take half a second to decode, a hundred times as long as all else here, and nearly all of them are
averaged away afterwards. The thumbnail is the same picture made by the same phone; it is taken where it has pixels enough, and
the file says the same of both: how they are turned and cropped, and what their colours mean.
"""

import io
from functools import cache
from itertools import islice
from typing import Any, Final

from PIL import Image, ImageFile

from sightserve.imaging.errors import UnsupportedImageType
from sightserve.imaging.geometry import Geometry
from sightserve.imaging.isobmff import THUMBNAIL, Items, has_still_picture, is_whole, items

# What changes how a picture looks; the rest says how it is stored.
_LOOKS: Final = frozenset({b"irot", b"imir", b"clap", b"colr"})
# A thumbnail is coded coarsely, so that as many pixels as are asked for are not enough (docs/pictures.md has the accuracies).
_ENOUGH: Final = 1.4  # of its pixels for one of the result's, a side
_SAME_SHAPE: Final = 0.01  # sides of a thumbnail are rounded, to even numbers
_MOST_THUMBNAILS: Final = 2  # that are looked at, each in a copy of the file: phones store one


@cache
def _library() -> Any:  # noqa: ANN401 - it has no types
    """Teach Pillow HEIF, at the first one: the library is slow to import, and most processes never see such a photo."""
    import pi_heif  # noqa: PLC0415

    pi_heif.register_heif_opener()
    return pi_heif.options


def prepare(data: bytes, threads: int) -> None:
    """Get ready to open one.

    Args:
        data: the file.
        threads: that decode the tiles of a picture.

    Raises:
        UnsupportedImageType: a film without a still picture.
    """
    if not has_still_picture(data):
        raise UnsupportedImageType("HEIF image sequences without a still picture are not taken")
    _library().DECODE_THREADS = threads


def thumbnail(data: bytes, image: Image.Image, geometry: Geometry) -> tuple[ImageFile.ImageFile, bytes] | None:
    """Return the smallest stored picture that has pixels enough, or None.

    Args:
        data: the file.
        image: the same, opened.
        geometry: what is asked for.

    Returns:
        The thumbnail, opened, and a file like the given one of which it is the picture.
    """
    found = items(data)
    if found is None or not found.thumbnails or not is_whole(data):
        return None
    enough = []
    for item in islice(found.thumbnails, _MOST_THUMBNAILS):
        if not _looks_alike(found, item):
            continue
        file = _with_primary(data, found, item)
        try:
            small = Image.open(io.BytesIO(file), formats=("HEIF",))
        except Exception:  # noqa: BLE001, S112 - whatever is wrong with a thumbnail, there is still the picture
            continue
        if (
            geometry.place(*small.size).scale >= _ENOUGH
            and abs(small.width * image.height / (small.height * image.width) - 1) < _SAME_SHAPE
            and small.width < image.width
        ):
            enough.append((small, file))
    return min(enough, key=lambda pair: pair[0].width, default=None)


def _looks_alike(found: Items, item: int) -> bool:
    """Whether what is said of a thumbnail is what is said of the picture."""
    first, second = (
        sorted(entry for entry in found.properties(number) if entry[0] in _LOOKS) for number in (found.primary, item)
    )
    return first == second


def _with_primary(data: bytes, found: Items, item: int) -> bytes:
    """Return the file with a thumbnail as its picture: libheif shows no thumbnail for itself, so it is not called one."""
    changed = bytearray(data)
    at, width = found.primary_at
    changed[at : at + width] = item.to_bytes(width, "big")
    at = found.thumbnails[item]
    changed[at : at + len(THUMBNAIL)] = b"free"
    return bytes(changed)
