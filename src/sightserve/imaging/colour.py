"""Pixels of any mode -> [8-bit RGB over white], on the few pixels that are left after resizing."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.imaging.errors import UnreadableImage


def resizable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose pixels can be averaged: palettes and bits cannot."""
    if image.mode in {"P", "PA", "1", "La", "RGBa"}:
        if image.mode == "1":
            return image.convert("L")
        has_alpha = image.mode != "P" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in {"RGB", "L"} and "transparency" in image.info:  # PNG's single transparent colour
        return image.convert("RGBA")
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Return RGB: alpha over white, 16-bit and floating-point grey brought to 8 bits."""
    if image.mode == "RGB":
        return image
    if image.mode in {"RGBA", "LA"}:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in {"I", "F"}:
        return Image.fromarray(_stretch(np.asarray(image, dtype=np.float64))).convert("RGB")
    return image.convert("RGB")


def _stretch(grey: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Map values without a known range, shape (H, W), linearly onto 0 to 255; what is not finite becomes black."""
    finite = np.isfinite(grey)
    if not finite.any():
        raise UnreadableImage("the image has no finite pixel value")
    low, high = float(grey[finite].min()), float(grey[finite].max())
    scaled = (grey - low) / (high - low) if high > low else np.full_like(grey, 0.5)
    return np.where(finite, scaled * 255, 0).round().astype(np.uint8)
