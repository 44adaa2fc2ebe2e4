"""Model build: [labelled photos -> uint8 crops, true classes]."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _network import CROP, SIZE
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Photos:
    """Centre crops at the network's size and the class of each."""

    pixels: NDArray[np.uint8]  # (N, 224, 224, 3), RGB
    classes: NDArray[np.int64]  # (N,)

    def __getitem__(self, which: slice) -> Photos:
        return Photos(self.pixels[which], self.classes[which])


def read_photos(directory: Path) -> Photos:
    """Read the photos that `labels.csv` (columns: file, class_index) lists in a directory, in its order."""
    with (directory / "labels.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    pixels = np.stack([centre_crop(directory / row["file"]) for row in rows])
    return Photos(pixels, np.array([int(row["class_index"]) for row in rows]))


def centre_crop(path: Path, across: float = 0.5, down: float = 0.5) -> NDArray[np.uint8]:
    """Decode one photo, crop a square of 0.875 x the shorter side and resize it, in one call.

    Args:
        path: the photo.
        across: where the square lies from left (0) to right (1).
        down: where the square lies from top (0) to bottom (1).
    """
    with Image.open(path) as image:
        photo = image.convert("RGB")
    side = CROP * min(photo.size)
    left, top = (photo.width - side) * across, (photo.height - side) * down
    box = (left, top, left + side, top + side)
    return np.asarray(photo.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box))
