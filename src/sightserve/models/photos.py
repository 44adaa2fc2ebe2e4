"""The photos on which a model is proved: somebody's own, with or without labels, or those that ship with Sightserve."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from PIL import Image

import sightserve
from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import ImageError
from sightserve.imaging.geometry import FitWithin
from sightserve.models.errors import SourceError

T = TypeVar("T")

BUILT_IN: Final = Path(sightserve.__file__).parent / "frontend" / "samples"
MOST: Final = 200  # that are looked at
_SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
)
_MOST_PIXELS: Final = 100_000_000
_WHOLE: Final = 1e9  # oversampling with which a JPEG is decoded in full


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo.

    Attributes:
        path: of the file.
        label: what somebody says that it shows, in their words; None: nobody does.
    """

    path: Path
    label: str | None = None

    @property
    def name(self) -> str:
        """Of the file, and of its folder where that is its label."""
        return f"{self.label}/{self.path.name}" if self.label else self.path.name

    def image(self, longest: int = 2**16) -> Image.Image:
        """Return it upright, RGB, in the right colours, and whole, or made smaller where it has a side longer than this, px.

        Raises:
            ImageError: it cannot be read.
        """
        decoder = Decoder(FitWithin(longest), "bicubic", _MOST_PIXELS, oversampling=_WHOLE)
        return decoder.decode(self.path.read_bytes()).image


def built_in() -> list[Photo]:
    """Return the photos that ship with Sightserve."""
    return [Photo(path) for path in sorted(BUILT_IN.glob("*.jpg"))]


def find(folder: Path) -> list[Photo]:
    """Return the photos of a folder, at most `MOST` and of every label as many as of the others.

    Labels are the names of the folders in it, or a table `labels.csv` with the columns file, and label or class_index.

    Raises:
        SourceError: there is no such folder, or no photo in it.
    """
    if not folder.is_dir():
        raise SourceError(
            f"{folder} is no folder: --photos names one with photos, or with a folder of photos for each label"
        )
    table = folder / "labels.csv"
    if table.is_file():
        photos = _in_table(table)
    else:
        found = sorted(path for path in folder.rglob("*") if _is_photo(path, folder))
        photos = [Photo(path, path.relative_to(folder).parts[0] if path.parent != folder else None) for path in found]
    if not photos:
        raise SourceError(f"there is no photo in {folder}")
    return _evenly(photos)


def _is_photo(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    return path.suffix.lower() in _SUFFIXES and path.is_file() and not hidden


def _in_table(table: Path) -> list[Photo]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        column = next((name for name in ("class_index", "label", "class") if name in (rows.fieldnames or ())), None)
        if column is None or "file" not in (rows.fieldnames or ()):
            raise SourceError(f"{table} needs the columns file, and label or class_index")
        return [
            Photo(table.parent / row["file"], row[column]) for row in rows if (table.parent / row["file"]).is_file()
        ]


def _evenly(photos: Sequence[Photo]) -> list[Photo]:
    """Return at most `MOST`, spread over the labels, and over each of them."""
    if len(photos) <= MOST:
        return list(photos)
    of_label: dict[str | None, list[Photo]] = defaultdict(list)
    for photo in photos:
        of_label[photo.label].append(photo)
    each = max(1, MOST // len(of_label))
    chosen = [photo for several in of_label.values() for photo in some(several, each)]
    return some(chosen, MOST)


def some(things: Sequence[T], count: int) -> list[T]:
    """Return at most so many, spread over all."""
    if len(things) <= count:
        return list(things)
    return [things[number * len(things) // count] for number in range(count)]


def readable(photos: Iterable[Photo]) -> tuple[list[Photo], list[str]]:
    """Return the photos that can be read, and sentences about the others."""
    good: list[Photo] = []
    bad: list[str] = []
    for photo in photos:
        try:
            photo.image()
        except (ImageError, OSError) as exc:
            bad.append(f"{photo.name} is left out: {exc}")
        else:
            good.append(photo)
    return good, bad
