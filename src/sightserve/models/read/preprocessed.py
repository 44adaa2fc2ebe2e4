"""How a photo becomes a network's input, as far as a file says it, in the words of those who wrote the file."""

from typing import Final, NamedTuple

from sightserve.bundle.inputs import InputSpec, Interpolation
from sightserve.models.errors import SourceError
from sightserve.models.read.values import shown
from sightserve.models.source import Channels, Fact, Scale

# in the order of PIL.Image.Resampling, whose numbers files have
_FILTERS: Final[tuple[Interpolation, ...]] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
_WORDS: Final[dict[str, Interpolation]] = {
    "linear": "bilinear",
    "cubic": "bicubic",
    "area": "box",
    "antialias": "lanczos",
}


class Preprocessed(NamedTuple):
    """How a photo becomes the network's input; None: nobody says it."""

    input: Fact[InputSpec] | None = None
    channels: Fact[Channels] | None = None
    scale: Fact[Scale] | None = None
    notes: tuple[str, ...] = ()


def interpolation_of(value: object, where: str, default: Interpolation) -> Interpolation:
    """Return the filter that a number of Pillow's or a word names: "bicubic", "Resampling.BICUBIC", "INTER_LINEAR", 3."""
    if value is None:
        return default
    if isinstance(value, str):
        word = value.rsplit(".", 1)[-1].rsplit("_", 1)[-1].lower()
        for each in _FILTERS:
            if each == word:
                return each
        if word in _WORDS:
            return _WORDS[word]
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_FILTERS):
        return _FILTERS[value]
    raise SourceError(f"{where} is {shown(value)}, and must be one of {', '.join(_FILTERS)}, or Pillow's number for it")
