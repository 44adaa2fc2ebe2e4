"""Which part of a photo becomes a picture of which size: what a model's input and a preview differ in. Pure arithmetic."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Placement(NamedTuple):
    """A part of a photo, and the size that it gets.

    Attributes:
        box: left, top, width and height in the photo's pixels, which need not be whole.
        size: width and height of the result, in pixels.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """How many of the photo's pixels become one of the result's, a side."""
        return min(self.box[2] / self.size[0], self.box[3] / self.size[1])


class Geometry(Protocol):
    """Every part is centred, so that the sides alone say where it is, whichever way up the file holds the photo."""

    def place(self, width: float, height: float) -> Placement:
        """Return what becomes of an upright photo of this size, in pixels (not whole where it was decoded reduced)."""


@dataclass(frozen=True, slots=True)
class CentreCrop:
    """A centred box of the result's shape, resized to it.

    Attributes:
        width: of the result, in pixels.
        height: of the result, in pixels.
        fraction: of the largest such box that is kept, 0 < fraction <= 1.
    """

    width: int
    height: int
    fraction: float = 1.0

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        scale = min(width / self.width, height / self.height) * self.fraction
        box_width, box_height = self.width * scale, self.height * scale
        box = ((width - box_width) / 2, (height - box_height) / 2, box_width, box_height)
        return Placement(box, (self.width, self.height))


@dataclass(frozen=True, slots=True)
class FitWithin:
    """The whole photo in its own shape, made smaller where it is larger; never enlarged.

    Attributes:
        longest: side of the result, in pixels, at most.
    """

    longest: int

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        scale = max(1.0, max(width, height) / self.longest)
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        return Placement((0.0, 0.0, width, height), size)
