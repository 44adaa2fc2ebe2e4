"""A photo and a heat map -> [the photo, warm where the map is high] -> PNG: for files, the web app has CSS for it."""

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import Box, FitWithin

_LONGEST: Final = 1024  # pixels
_WARM: Final = np.array([255, 90, 0], dtype=np.float32)
_STRONGEST: Final = 0.7  # of the warm colour, where the map is highest


def overlaid(photo: bytes, values: Sequence[Sequence[float]], box: Box, max_pixels: int) -> bytes:
    """Return a PNG of the photo, grey and upright, warm where values are high; what speaks against the class stays grey.

    Args:
        photo: a file's bytes.
        values: of the heat map, row by row.
        box: left, top, width and height of the map, in fractions of the photo's.
        max_pixels: of the photo.

    Raises:
        ImageError: the photo cannot be read.
    """
    picture = Decoder(FitWithin(_LONGEST), "bicubic", max_pixels).decode(photo).image
    grid = np.asarray(values, dtype=np.float32).clip(min=0)
    warmth = Image.fromarray(grid / max(float(grid.max()), 1e-9))
    left, top, width, height = box
    across, down = (max(1, round(share * side)) for share, side in zip((width, height), picture.size, strict=True))
    placed = Image.new("F", picture.size)
    placed.paste(
        warmth.resize((across, down), Image.Resampling.BICUBIC),
        (round(left * picture.width), round(top * picture.height)),
    )
    share = _STRONGEST * np.asarray(placed).clip(0, 1)[:, :, None]
    grey = np.asarray(picture.convert("L"), dtype=np.float32)[:, :, None]
    mixed = (grey * (1 - share) + _WARM * share).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(mixed).save(buffer, "PNG")
    return buffer.getvalue()
