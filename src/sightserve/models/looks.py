"""What a network says of photos that were prepared in one way or another: what speaks for a way, and what against it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.bundle.inputs import CropInput, InputSpec, PadInput, SquashInput
from sightserve.models.network import Network
from sightserve.models.reference import prepared, probabilities, scaled
from sightserve.models.source import SCALES, Channels, Fact, Outputs, Scale

FEWEST: Final = 8  # photos, however slow a network is
MOST: Final = 40
CROPPED: Final = 0.875  # of a photo that was resized: what most networks were trained and measured with
_PATIENCE: Final = 20.0  # seconds for the photos of one question
_ROUNDING: Final = 1e-3
_CLEARLY: Final = 0.04  # of mean confidence: what is no accident with forty photos


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a network wants a photo, and what its numbers are: nothing is left open.

    Attributes:
        input, channels, scale, outputs: see `source.Reading`.
    """

    input: Fact[InputSpec]
    channels: Fact[Channels]
    scale: Fact[Scale]
    outputs: Fact[Outputs]


class Seen(NamedTuple):
    """What a network says of photos that were prepared in one way.

    Attributes:
        confidence: mean probability of the first class.
        firsts: how many different first classes there are.
        spread: how far probabilities of a photo are from the mean of all photos, summed over classes and halved, 0 to 1.
        right: share of the photos whose first class is their label; None without labels.
        photos: how many.
    """

    confidence: float
    firsts: int
    spread: float
    right: float | None
    photos: int

    def beats(self, other: "Seen") -> bool:
        """Whether this way is clearly better. Labels decide; without them, confidence, where answers still differ as much."""
        if self.right is not None and other.right is not None:
            return self.right > other.right + max(_CLEARLY, 1.5 / self.photos)
        return self.confidence > other.confidence + _CLEARLY and self.firsts >= other.firsts

    def __str__(self) -> str:
        right = "" if self.right is None else f", {self.right:.0%} right"
        return f"mean confidence {self.confidence:.2f}{right}"


def look(
    network: Network,
    fitted: Sequence[Image.Image],
    labels: Sequence[int | None],
    channels: Channels,
    scale: Scale,
    outputs: Outputs | None,
) -> Seen:
    """Return what the network says of pictures that were cut already."""
    rows: list[NDArray[np.float32]] = []
    until = time.monotonic() + _PATIENCE
    for image in fitted:
        raw = network(scaled(image, channels, scale))
        rows.append(probabilities(raw, outputs or outputs_of(raw[None])))
        if len(rows) >= FEWEST and time.monotonic() > until:
            break
    return seen(np.stack(rows), labels)


def seen(rows: NDArray[np.float32], labels: Sequence[int | None]) -> Seen:
    """Return what rows of probabilities, (photos, classes), come to."""
    firsts = rows.argmax(axis=1)
    known = [(first, label) for first, label in zip(firsts, labels, strict=False) if label is not None]
    right = sum(first == label for first, label in known) / len(known) if known else None
    rows = np.nan_to_num(rows)
    spread = float(np.abs(rows - rows.mean(axis=0)).sum(axis=1).mean() / 2)
    return Seen(float(rows.max(axis=1).mean()), len(set(firsts.tolist())), spread, right, len(rows))


def outputs_of(raw: NDArray[np.float32]) -> Outputs:
    """Return what raw outputs, (photos, columns), look like: probabilities where they can be some."""
    if raw.min() < 0 or raw.max() > 1 + _ROUNDING:
        return "logits" if raw.shape[1] > 1 else "independent_logits"
    if raw.shape[1] == 1:
        return "independent_probabilities"
    return "probabilities" if np.allclose(raw.sum(axis=1), 1, atol=0.01) else "independent_probabilities"


def gain(scale: Scale) -> float:
    """Return by how much a scale makes differences between values larger than another."""
    return 1 / min(scale.std)


def alternatives(
    network: Network, preparation: Preparation, images: Sequence[Image.Image], labels: Sequence[int | None]
) -> Iterator[str]:
    """Yield a sentence for each other way to prepare photos with which the network does clearly better.

    Source of the method: without labels, mean confidence falls with a wrong colour, scale or geometry; it is no proof.
    """
    few = images[:MOST]
    spec, outputs = preparation.input.value, preparation.outputs.value

    def tried(spec: InputSpec, channels: Channels, scale: Scale) -> Seen:
        return look(network, [prepared(image, spec) for image in few], labels, channels, scale, outputs)

    now = tried(spec, preparation.channels.value, preparation.scale.value)
    ways: dict[str, tuple[InputSpec, Channels, Scale]] = {}
    if preparation.channels.value != "grey":
        other: Channels = "rgb" if preparation.channels.value == "bgr" else "bgr"
        ways[f"--channels {other}"] = (spec, other, preparation.scale.value)
    proved = any(label is not None for label in labels)
    for name, scale in SCALES.items():  # without labels, larger numbers are surer whatever is right
        if scale != preparation.scale.value and (proved or gain(scale) < gain(preparation.scale.value)):
            ways[f"--values '{name}'"] = (spec, preparation.channels.value, scale)
    for fit, way in _other_fits(spec):
        ways[f"--fit {fit}"] = (way, preparation.channels.value, preparation.scale.value)
    for name, way_of in ways.items():
        seen_so = tried(*way_of)
        if seen_so.beats(now):
            yield f"with {name} the network does better on these photos: {seen_so}, instead of {now}"


def _other_fits(spec: InputSpec) -> Iterator[tuple[str, InputSpec]]:
    if spec.fit == "whole":
        return
    height, width, interpolation = spec.height, spec.width, spec.interpolation
    ways: list[InputSpec] = [
        CropInput(
            fit="crop",
            height=height,
            width=width,
            resize=int(min(height, width) / CROPPED),
            interpolation=interpolation,
        ),
        SquashInput(fit="squash", height=height, width=width, interpolation=interpolation),
        PadInput(fit="pad", height=height, width=width, interpolation=interpolation),
    ]
    for way in ways:
        if way.fit != spec.fit and (way.fit != "crop" or height == width):
            yield way.fit, way
