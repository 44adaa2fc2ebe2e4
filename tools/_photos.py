"""Model build: [labelled photos -> uint8 crops, true classes]."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from _network import CROP, SIZE


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
    pixels = np.stack([crop(directory / row["file"]) for row in rows])
    return Photos(pixels, np.array([int(row["class_index"]) for row in rows]))


def read_other_crops(directory: Path) -> NDArray[np.uint8]:
    """Read four other crops of each photo, two of them mirrored: (4 N, 224, 224, 3), photo by photo.

    They are to compare two networks on more than N inputs; nothing is calibrated on them.
    """
    with (directory / "labels.csv").open(newline="", encoding="utf-8") as lines:
        files = [row["file"] for row in csv.DictReader(lines)]
    crops = []
    for path in (directory / file for file in files):
        crops += [
            crop(path, 0, 0),
            crop(path, 1, 1)[:, ::-1],
            crop(path, 0.5, 0.5)[:, ::-1],
            crop(path, 0.8, 0.2),
        ]
    return np.stack(crops)


def crop(path: Path, across: float = 0.5, down: float = 0.5) -> NDArray[np.uint8]:
    """Decode one photo, cut out a square of 0.875 x the shorter side and resize it, in one call.

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
