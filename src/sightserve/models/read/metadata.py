"""What exporters write into an .onnx file's metadata_props -> [labels, scale], whatever key they chose."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.read.labels import indexed, of_text
from sightserve.models.read.values import numbers, three
from sightserve.models.source import Channels, Fact, Scale

IN_FILE: Final = "in the file's metadata"
_LABELS: Final = (
    "names", "class_names", "classes", "labels", "class_labels", "label_names", "id2label", "idx_to_class", "class_to_idx",
    "categories", "classlabels", "class_list", "character",
)  # fmt: skip
_MEANS: Final = ("mean", "image_mean", "norm_mean", "normalization_mean", "standardization_mean", "pixel_mean")
_STDS: Final = ("std", "image_std", "norm_std", "normalization_std", "standardization_std", "pixel_std")
_LONGEST: Final = 4 << 20  # characters; Python's parser takes hundreds of bytes for each
# Windows ML's words (Image.NominalPixelRange), as Custom Vision's exports have them
_RANGES: Final = {
    "NominalRange_0_255": Scale((0.0,) * 3, (1.0,) * 3),
    "Normalized_0_1": Scale((0.0,) * 3, (255.0,) * 3),
    "Normalized_1_1": Scale((127.5,) * 3, (127.5,) * 3),
}
_PIXELS: Final[dict[str, Channels]] = {"Rgb8": "rgb", "Rgba8": "rgb", "Bgr8": "bgr", "Bgra8": "bgr", "Gray8": "grey"}


def literal(text: str) -> object:
    """Return the list, object or number that a text holds, in JSON or as Python writes it; else the text itself."""
    if len(text) > _LONGEST or text.lstrip()[:1] not in {"{", "[", "(", '"', "'", *"-0123456789"}:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        # only literals: no name is looked up, nothing is called
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def labels_in(metadata: Mapping[str, str], classes: int | None = None) -> Fact[tuple[str, ...]] | None:
    """Return the labels.

    Args:
        metadata: of the file.
        classes: of the network, where that is known: a list of another length under a name that often means something else is
            not taken.

    Raises:
        SourceError: what must be labels cannot be.
    """
    lower = {key.lower(): key for key in metadata}
    for known in _LABELS:
        key = lower.get(known)
        if key is None or not metadata[key].strip():
            continue
        where = f"{key} {IN_FILE}"
        value = literal(metadata[key])
        if isinstance(value, dict | list | tuple):
            # several outputs have a list of names each
            value = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) else value
            return Fact(indexed(value, where), where)
        text = metadata[key].strip("\r\n")
        if "\n" not in text and (parts := [part.strip() for part in re.split(r"[,;|]", text)])[1:]:
            return Fact(indexed(parts, where), where)
        try:
            labels = of_text(text, where)
        except SourceError:
            if known == "names":
                raise
            continue
        if len(labels) > 1 and classes in {None, len(labels)}:
            return Fact(labels, where)
    return None


def scale_in(metadata: Mapping[str, str]) -> Fact[Scale] | None:
    """Return what becomes of a channel's value, where a mean and a standard deviation are written down."""
    for mean_key, std_key in zip(_MEANS, _STDS, strict=True):
        if mean_key in metadata and std_key in metadata:
            try:
                mean = numbers(literal(metadata[mean_key]), f"{mean_key} {IN_FILE}")
                std = numbers(literal(metadata[std_key]), f"{std_key} {IN_FILE}")
            except SourceError:
                return None  # its own words for something else
            return Fact(scale_of(mean, std), f"{mean_key} and {std_key} {IN_FILE}") if min(std) > 0 else None
    word = metadata.get("Image.NominalPixelRange", "")
    return Fact(_RANGES[word], f"Image.NominalPixelRange {IN_FILE}") if word in _RANGES else None


def channels_in(metadata: Mapping[str, str]) -> Fact[Channels] | None:
    """Return the order of channels, where Windows ML's words for it are there."""
    word = metadata.get("Image.BitmapPixelFormat", "")
    return Fact(_PIXELS[word], f"Image.BitmapPixelFormat {IN_FILE}") if word in _PIXELS else None


def scale_of(mean: tuple[float, ...], std: tuple[float, ...]) -> Scale:
    """Return the scale of 0 to 255 that numbers mean which are for 0 to 1 where all are at most 1."""
    if len(mean) != len(std):
        mean, std = three(mean), three(std)
    factor = 255.0 if max(*mean, *std) <= 1 else 1.0
    return Scale(tuple(factor * each for each in mean), tuple(factor * each for each in std))
