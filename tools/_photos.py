"""Model build: [labelled photos -> uint8 pictures as a model gets them, true classes]."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import Geometry

Pixels = NDArray[np.uint8]
_MAX_PIXELS = 50_000_000
_TALL = 16 / 9  # a phone's photo, held upright


@dataclass(frozen=True)
class Photos:
    """Photos as a model gets them, and the class of each.

    Attributes:
        pixels: each (height, width, 3), RGB.
        classes: (N,).
    """

    pixels: tuple[Pixels, ...]
    classes: NDArray[np.int64]

    def __getitem__(self, which: slice) -> Photos:
        return Photos(self.pixels[which], self.classes[which])

    def __add__(self, other: Photos) -> Photos:
        return Photos(self.pixels + other.pixels, np.concatenate([self.classes, other.classes]))

    def batches(self, most: int) -> Iterator[tuple[list[int], Pixels]]:
        """Yield the numbers of photos of one shape and their pixels, (n, height, width, 3), until all have come."""
        shapes: dict[tuple[int, ...], list[int]] = {}
        for number, pixels in enumerate(self.pixels):
            shapes.setdefault(pixels.shape, []).append(number)
        for numbers in shapes.values():
            for start in range(0, len(numbers), most):
                some = numbers[start : start + most]
                yield some, np.stack([self.pixels[number] for number in some])


def read_photos(
    directory: Path, geometry: Geometry, change: Callable[[Image.Image], Image.Image] | None = None
) -> Photos:
    """Read the photos that `labels.csv` (columns: file, class_index) lists, in its order, with the backend's own decoder.

    Args:
        directory: of the photos and the list.
        geometry: what a model looks at.
        change: what is done to each photo first.
    """
    with (directory / "labels.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    decoder = Decoder(geometry, "bicubic", _MAX_PIXELS)
    pixels = []
    for row in rows:
        data = (directory / row["file"]).read_bytes()
        if change is not None:
            with Image.open(io.BytesIO(data)) as image:
                buffer = io.BytesIO()
                change(image.convert("RGB")).save(buffer, "BMP")
                data = buffer.getvalue()
        pixels.append(decoder.decode(data).pixels)
    return Photos(tuple(pixels), np.array([int(row["class_index"]) for row in rows]))


def mirrored(photo: Image.Image) -> Image.Image:
    """Return the photo as a mirror shows it."""
    return photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def at_the_top(photo: Image.Image) -> Image.Image:
    """Return a picture of 9:16 with the photo at its upper end, and a blur of the photo as the rest."""
    return _tall(photo, 0)


def at_the_bottom(photo: Image.Image) -> Image.Image:
    """Return a picture of 9:16 with the photo at its lower end, and a blur of the photo as the rest."""
    return _tall(photo, 1)


def _tall(photo: Image.Image, down: int) -> Image.Image:
    height = max(photo.height, round(photo.width * _TALL))
    picture = photo.resize((photo.width, height)).filter(ImageFilter.GaussianBlur(photo.width / 10))
    picture.paste(photo, (0, down * (height - photo.height)))
    return picture
