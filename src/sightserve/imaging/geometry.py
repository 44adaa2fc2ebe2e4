"""Which part of a photo becomes a picture of which size: what models' inputs and a preview differ in. Pure arithmetic."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Size = tuple[int, int]
Box = tuple[float, float, float, float]


class Padding(NamedTuple):
    """What a picture lies on that does not fill the model's input.

    Attributes:
        size: width and height of the whole, in pixels.
        at: where the picture's left and upper edges lie in it.
        colour: of the rest, RGB, 0 to 255.
    """

    size: Size
    at: Size
    colour: tuple[int, int, int]


class Placement(NamedTuple):
    """A part of a photo, and the size that it gets.

    Attributes:
        box: left, top, width and height in the photo's pixels, which need not be whole.
        size: width and height of the result, in pixels.
        padding: what the result lies on, once it is upright.
        resized: width and height to which all of the photo is resized first, where the result is a part of that, to the pixel.
    """

    box: Box
    size: Size
    padding: Padding | None = None
    resized: Size | None = None

    @property
    def scale(self) -> float:
        """How many of the photo's pixels become one of the result's, a side."""
        return min(self.box[2] / self.size[0], self.box[3] / self.size[1])

    @property
    def input_size(self) -> Size:
        """Width and height of what a model gets."""
        return self.padding.size if self.padding else self.size

    def part_of(self, width: float, height: float) -> Box:
        """Return left, top, width and height of what a model gets, in fractions of a photo of this size.

        Padding lies beyond the photo: there, fractions are below 0 or above 1.
        """
        x, y = self.box[2] / self.size[0] / width, self.box[3] / self.size[1] / height  # of one pixel of the result
        across, down = self.padding.at if self.padding else (0, 0)
        whole = self.input_size
        return self.box[0] / width - across * x, self.box[1] / height - down * y, whole[0] * x, whole[1] * y


class Geometry(Protocol):
    """Every part is centred, so that the sides alone say where it is, whichever way up the file holds the photo."""

    def place(self, width: float, height: float) -> Placement:
        """Return what becomes of an upright photo of this size, in pixels (not whole where it was decoded reduced)."""


class InputGeometry(Geometry, Protocol):
    """What becomes a model's input."""

    @property
    def fixed(self) -> Size | None:
        """Width and height of every input, in pixels; None where photos have shapes of their own."""

    def enough(self, width: float, height: float) -> Placement:
        """Return the smallest picture of a photo of this size from which `place` makes what it makes of the photo."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All of the photo in its own shape, its sides rounded to what the network divides by.

    Attributes:
        shorter_side: of the result, in pixels; a multiple of `multiple`.
        multiple: of which the longer side is one too, in pixels. The photo is squeezed or stretched by less than half of it.
        widest: longer by shorter side at most; of a longer photo the middle is kept.
    """

    shorter_side: int
    multiple: int = 32
    widest: float = 3.0

    @property
    def fixed(self) -> None:
        """See `InputGeometry`."""
        return

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        shorter = min(width, height)
        kept = min(max(width, height), shorter * self.widest)
        steps = math.floor(self.shorter_side * kept / shorter / self.multiple + 0.5)
        most = int(self.shorter_side * self.widest / self.multiple)  # or what was made would be cut again
        longer = max(self.shorter_side, min(steps, most) * self.multiple)
        if width < height:
            return Placement((0.0, (height - kept) / 2, width, kept), (self.shorter_side, longer))
        return Placement(((width - kept) / 2, 0.0, kept, height), (longer, self.shorter_side))

    def enough(self, width: float, height: float) -> Placement:
        """See `InputGeometry`."""
        return self.place(width, height)


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

    @property
    def fixed(self) -> Size:
        """See `InputGeometry`."""
        return self.width, self.height

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        scale = min(width / self.width, height / self.height) * self.fraction
        box_width, box_height = self.width * scale, self.height * scale
        box = ((width - box_width) / 2, (height - box_height) / 2, box_width, box_height)
        return Placement(box, (self.width, self.height))

    def enough(self, width: float, height: float) -> Placement:
        """See `InputGeometry`."""
        across, down = (math.ceil(side / self.fraction) for side in (self.width, self.height))
        return CentreCrop(across, down).place(width, height)


@dataclass(frozen=True, slots=True)
class ResizeThenCrop:
    """The photo resized to whole pixels, then a box of whole pixels out of its middle: in one call, and as if in two.

    torchvision, timm and transformers do it in two, and their rounding moves the box by up to half a pixel; a network that was
    trained behind them gives other answers without it (torchvision's `Resize` and `CenterCrop`: the longer side is cut off to
    whole pixels, the offset is rounded to the even one).

    Attributes:
        width: of the result, in pixels.
        height: of the result, in pixels.
        resized: what the photo is resized to: the shorter side, or width and height whatever its shape. Where that is less
            than the result, the rest is black, as torchvision has it.
        rounding: `torchvision` as above, and timm; `transformers` rounds the offset down; so does `paddle`, and rounds the
            longer side to the nearest pixel.
    """

    width: int
    height: int
    resized: int | Size
    rounding: str = "torchvision"

    @property
    def fixed(self) -> Size:
        """See `InputGeometry`."""
        return self.width, self.height

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        across, down = self._resized(width, height)
        size = (min(self.width, across), min(self.height, down))
        half = round if self.rounding == "torchvision" else int
        left, top = (half((have - get) / 2) for have, get in zip((across, down), size, strict=True))
        x, y = width / across, height / down
        placement = Placement((left * x, top * y, size[0] * x, size[1] * y), size, resized=(across, down))
        if size == (self.width, self.height):
            return placement
        at = ((self.width - size[0]) // 2, (self.height - size[1]) // 2)
        return placement._replace(padding=Padding((self.width, self.height), at, (0, 0, 0)))

    def enough(self, width: float, height: float) -> Placement:
        """See `InputGeometry`."""
        return Placement((0.0, 0.0, width, height), self._resized(width, height))

    def _resized(self, width: float, height: float) -> Size:
        if not isinstance(self.resized, int):
            return self.resized
        whole = round if self.rounding == "paddle" else int
        if width <= height:
            return self.resized, whole(self.resized * height / width)
        return whole(self.resized * width / height), self.resized


@dataclass(frozen=True, slots=True)
class Squash:
    """The whole photo made as wide and as high as the result, whatever its shape.

    Attributes:
        width: of the result, in pixels.
        height: of the result, in pixels.
    """

    width: int
    height: int

    @property
    def fixed(self) -> Size:
        """See `InputGeometry`."""
        return self.width, self.height

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        return Placement((0.0, 0.0, width, height), (self.width, self.height))

    def enough(self, width: float, height: float) -> Placement:
        """See `InputGeometry`."""
        return self.place(width, height)


@dataclass(frozen=True, slots=True)
class Pad:
    """The whole photo in its own shape, as large as fits into the result; the rest has one colour.

    Attributes:
        width: of the result, in pixels.
        height: of the result, in pixels.
        colour: RGB, 0 to 255.
        centred: whether the photo lies in the middle, or at the left and upper edges.
    """

    width: int
    height: int
    colour: tuple[int, int, int] = (0, 0, 0)
    centred: bool = True

    @property
    def fixed(self) -> Size:
        """See `InputGeometry`."""
        return self.width, self.height

    def place(self, width: float, height: float) -> Placement:
        """See `Geometry`."""
        scale = min(self.width / width, self.height / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        at = ((self.width - size[0]) // 2, (self.height - size[1]) // 2) if self.centred else (0, 0)
        return Placement((0.0, 0.0, width, height), size, Padding((self.width, self.height), at, self.colour))

    def enough(self, width: float, height: float) -> Placement:
        """See `InputGeometry`."""
        return self.place(width, height)._replace(padding=None)


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


def input_geometry(described: Mapping[str, Any]) -> InputGeometry:
    """Return what turns a photo into a model's input, from a manifest's `input`: the only place that does.

    Args:
        described: as `bundle.manifest.Manifest.input` and the answer of `/model` have it, already checked.

    Raises:
        ValueError: no such `fit` is known here.
    """
    get = described.__getitem__
    rounding = described.get("rounding", "torchvision")  # a backend of before has no other
    match get("fit"):
        case "whole":
            return Whole(get("shorter_side"), get("multiple"), get("widest"))
        case "crop" if described.get("resize") is not None:
            return ResizeThenCrop(get("width"), get("height"), get("resize"), rounding)
        case "crop":
            return CentreCrop(get("width"), get("height"), get("fraction"))
        case "squash" if described.get("resize") is not None:
            height, width = get("resize")
            return ResizeThenCrop(get("width"), get("height"), (width, height), rounding)
        case "squash":
            return Squash(get("width"), get("height"))
        case "pad":
            red, green, blue = get("colour")
            return Pad(get("width"), get("height"), (red, green, blue), get("align") == "centre")
    raise ValueError(f"no way is known here to fit a photo by {get('fit')!r}")
