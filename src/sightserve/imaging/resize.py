"""Decoded photo -> [crop and resize in one call] -> the few pixels that are wanted.

Pillow resizes without SIMD: a fifth of what a request costs. cykooz.resizer (the Rust crate fast_image_resize) has Pillow's
filters and reads Pillow's memory where it lies. It rounds in another place between its two passes, so one channel value in a
thousand differs by more than 1. Pillow does what it does not do, and everything where there is no wheel of it.
"""

from typing import Final

import numpy as np
from PIL import Image

try:
    from cykooz_resizer import CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer
except ImportError:  # Linux on ARM
    _FAST = {}
else:
    _FAST = {
        "box": ResizeAlg.convolution(FilterType.box),
        "bilinear": ResizeAlg.convolution(FilterType.bilinear),
        "bicubic": ResizeAlg.convolution(FilterType.catmull_rom),  # the cubic with a = -0.5, as Pillow's
        "lanczos": ResizeAlg.convolution(FilterType.lanczos3),
    }

_PILLOW: Final = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_FAST_MODES: Final = frozenset({"RGB", "L", "CMYK"})  # in others it treats alpha, or the range, in its own way


def crop_and_resize(
    image: Image.Image,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    interpolation: str,
    *,
    exact: bool = False,
    antialias: bool = True,
) -> Image.Image:
    """Return a part of an image at another size, in the image's mode.

    Args:
        image: of a mode whose pixels can be averaged.
        box: left, top, width and height in pixels, which need not be whole.
        size: width and height of the result, in pixels.
        interpolation: a name that `bundle.manifest` allows.
        exact: as Pillow rounds.
        antialias: whether a pixel of the result is a mean over all that it covers; else it is between the four nearest, which
            bilinear interpolation alone knows here.
    """
    left, top = max(0.0, box[0]), max(0.0, box[1])  # floating point may carry a box that is the whole image beyond it
    width, height = min(box[2], image.width - left), min(box[3], image.height - top)
    if not antialias:
        return _between_neighbours(image, (left, top, width, height), size)
    if exact or image.mode not in _FAST_MODES or interpolation not in _FAST:
        return image.resize(size, _PILLOW[interpolation], box=(left, top, left + width, top + height))
    result = Image.new(image.mode, size)
    crop = CropBox(left, top, width, height)
    # One object a call: it is cheap, and one that is kept would keep the buffers of the largest image and serve one thread.
    Resizer().resize_pil(image, result, ResizeOptions(resize_alg=_FAST[interpolation], crop_box=crop))
    return result


def _between_neighbours(
    image: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]
) -> Image.Image:
    """Return a part of an image with each pixel between the four nearest of it: OpenCV's INTER_LINEAR.

    Pillow's own `transform` cuts off where others round.
    """
    left, top, width, height = box
    if image.mode in {"F", "I"} or image.mode.startswith("I;"):  # not in bytes: what is cut off is nothing
        scaled = (width / size[0], 0.0, left, 0.0, height / size[1], top)
        return image.transform(size, Image.Transform.AFFINE, scaled, Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    for axis, (start, extent, want) in enumerate(((top, height, size[1]), (left, width, size[0]))):
        have = pixels.shape[axis]
        at = np.clip(start + (np.arange(want) + 0.5) * extent / want - 0.5, 0, have - 1)
        low = at.astype(np.intp)
        share = (at - low).reshape([-1 if each == axis else 1 for each in range(pixels.ndim)])
        pixels = pixels.take(low, axis) * (1 - share) + pixels.take(np.minimum(low + 1, have - 1), axis) * share
    return Image.frombytes(image.mode, size, np.floor(pixels + 0.5).astype(np.uint8).tobytes())
