"""A photo -> [what the source's own pipeline would give], where it has none here: step by step, and with Pillow alone.

Nothing is shared with the data path: what is compared must not make the same mistake twice.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.bundle.inputs import CropInput, InputSpec, PadInput, Rounding, SquashInput, WholeInput
from sightserve.imaging.geometry import input_geometry
from sightserve.models.network import Network
from sightserve.models.source import Channels, Outputs, Scale

_FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_RGB: Final = 3

Original = Callable[[Image.Image], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Reference:
    """A network behind the preprocessing that its source describes: an upright RGB photo to its raw output, (columns,)."""

    network: Network
    input: InputSpec
    channels: Channels
    scale: Scale

    def __call__(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the raw output for one photo."""
        return self.network(scaled(prepared(image, self.input), self.channels, self.scale))


def prepared(image: Image.Image, spec: InputSpec) -> Image.Image:
    """Return what of a photo a network gets: resized first, then cut, as frameworks do it."""
    by = _FILTERS[spec.interpolation]

    def resized(size: tuple[int, int]) -> Image.Image:
        return image.resize(size, by) if spec.antialias else _between_four(image, size)

    match spec:
        case CropInput(resize=int(resize)):
            made = resized(_shorter_to(image.size, resize, spec.rounding))
            return _middle(made, spec.width, spec.height, spec.rounding)
        case SquashInput(resize=(height, width)):
            return _middle(resized((width, height)), spec.width, spec.height, spec.rounding)
        case SquashInput():
            return resized((spec.width, spec.height))
        case PadInput():
            fitting = min(spec.width / image.width, spec.height / image.height)
            width, height = max(1, round(image.width * fitting)), max(1, round(image.height * fitting))
            whole = Image.new("RGB", (spec.width, spec.height), spec.colour)
            at = ((spec.width - width) // 2, (spec.height - height) // 2) if spec.align == "centre" else (0, 0)
            whole.paste(resized((width, height)), at)
            return whole
        case CropInput() | WholeInput():  # ways of our own: no framework has another to compare with
            placed = input_geometry(spec.model_dump()).place(*image.size)
            left, top, across, down = placed.box
            return image.resize(placed.size, by, box=(left, top, left + across, top + down))
    raise AssertionError(spec)


def _between_four(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture resized as OpenCV's INTER_LINEAR does it: each pixel between the four nearest, whatever it covers."""
    pixels = np.asarray(image, dtype=np.float64)
    for axis, (have, want) in enumerate(((image.height, size[1]), (image.width, size[0]))):
        at = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0, have - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, have - 1)
        share = (at - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        pixels = np.take(pixels, low, axis) * (1 - share) + np.take(pixels, high, axis) * share
    return Image.fromarray(np.floor(pixels + 0.5).astype(np.uint8))


def _shorter_to(size: tuple[int, int], shorter: int, rounding: Rounding) -> tuple[int, int]:
    """Return the size of a photo whose shorter side becomes this; paddle's ResizeImage(resize_short) rounds, others cut off."""
    width, height = size
    longer = shorter * max(size) / min(size)
    longer = math.floor(longer + 0.5) if rounding == "paddle" else math.floor(longer)
    return (shorter, longer) if width <= height else (longer, shorter)


def _middle(image: Image.Image, width: int, height: int, rounding: Rounding) -> Image.Image:
    """Return the centred box; black where the picture is smaller."""
    left, top = (image.width - width) / 2, (image.height - height) / 2
    left, top = (round(left), round(top)) if rounding == "torchvision" else (math.floor(left), math.floor(top))
    if left < 0 or top < 0:
        whole = Image.new("RGB", (max(width, image.width), max(height, image.height)))
        whole.paste(image, (max(0, (width - image.width) // 2), max(0, (height - image.height) // 2)))
        return _middle(whole, width, height, rounding)
    return image.crop((left, top, left + width, top + height))


def scaled(image: Image.Image, channels: Channels, scale: Scale) -> NDArray[np.float32]:
    """Return a picture's values as a network wants them, (height, width, channels)."""
    if channels == "grey":
        pixels = np.asarray(image.convert("L"), dtype=np.float32)[:, :, None]
        # one number for grey; of three, their weighted mean, as Pillow weighs colours
        return np.asarray((pixels - _of_grey(scale.mean)) / _of_grey(scale.std), dtype=np.float32)
    pixels = np.asarray(image, dtype=np.float32)
    mean, std = (np.broadcast_to(np.array(numbers, dtype=np.float32), (_RGB,)) for numbers in scale)
    values = np.asarray((pixels - mean) / std, dtype=np.float32)
    return values[:, :, ::-1] if channels == "bgr" else values


def _of_grey(numbers: tuple[float, ...]) -> np.float32:
    if len(numbers) == _RGB:
        return np.float32(np.dot(numbers, (19595 / 65536, 38470 / 65536, 7471 / 65536)))
    return np.float32(numbers[0])


def probabilities(raw: NDArray[Any], outputs: Outputs) -> NDArray[np.float32]:
    """Return the probabilities that a network's raw output, (columns,), stands for, (classes,)."""
    values = np.asarray(raw, dtype=np.float64).reshape(-1)
    if outputs == "logits" and len(values) > 1:
        powers = np.exp(values - values.max())
        values = powers / powers.sum()
    elif outputs.endswith("logits"):
        values = 1 / (1 + np.exp(-values))
    if len(values) == 1:
        values = np.array([1 - values[0], values[0]])
    return values.astype(np.float32)
