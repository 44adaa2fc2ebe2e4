"""read, network -> [how a photo has to be prepared, all of it] -> wrap. What nobody said is found on photos, or guessed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.bundle.inputs import CropInput, InputSpec, PadInput, SquashInput
from sightserve.models.errors import NetworkError, UnclearSource
from sightserve.models.network import Network
from sightserve.models.reference import Reference, prepared, probabilities, scaled
from sightserve.models.source import SCALES, UNSCALED, Channels, Fact, Outputs, Reading, Scale

_CROPPED: Final = 0.875  # of a photo that was resized: what most networks were trained and measured with
_ROUNDING: Final = 1e-3
_PATIENCE: Final = 20.0  # seconds for the photos of one question
_FEWEST: Final = 8  # photos, however slow a network is
_MOST: Final = 40
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
        right: share of the photos whose first class is their label; None without labels.
        photos: how many.
    """

    confidence: float
    firsts: int
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


def settle(
    reading: Reading, network: Network, images: Sequence[Image.Image], labels: Sequence[int | None]
) -> Preparation:
    """Return how the network wants a photo.

    Args:
        reading: of the source.
        network: of the source.
        images: upright RGB photos.
        labels: of each, its class where that is known.

    Raises:
        AddError: what was said cannot be.
    """
    channels = _channels(reading, network)
    spec = _input(reading, network)
    fitted = [prepared(image, spec.value) for image in images[:_MOST]]
    scale = reading.scale or _found_scale(network, fitted, labels, channels.value, reading.outputs)
    outputs = _outputs(
        reading, network, [network(scaled(image, channels.value, scale.value)) for image in fitted[:_FEWEST]]
    )
    return Preparation(spec, channels, scale, outputs)


def _channels(reading: Reading, network: Network) -> Fact[Channels]:
    if network.colours == 1:
        return Fact("grey", "one channel in the graph")
    if reading.channels is not None and reading.channels.value == "grey":
        raise NetworkError(f"the network takes three channels, but {reading.channels.source} says grey")
    return reading.channels or Fact("rgb", "usual: nothing says otherwise")


def _input(reading: Reading, network: Network) -> Fact[InputSpec]:
    """Return the geometry that was read, with the sides that the graph has."""
    read = reading.input
    if network.size is None:
        if read is not None and read.value.fit == "whole":
            return read
        raise UnclearSource(
            "the network leaves its sides free: say with --size how large its photos are, such as 224 or 48x192"
        )
    height, width = network.size
    if read is None:
        return _usual_input(network, height, width)
    value = read.value
    if value.fit == "whole":
        raise UnclearSource(
            f"the network takes {height} x {width} pixels and no other shape: --fit crop, squash or pad"
        )
    if (value.height, value.width) == (height, width):
        return read
    changed: dict[str, object] = {"height": height, "width": width}
    if isinstance(value, CropInput) and value.resize is not None:  # in the same proportion
        changed["resize"] = max(1, round(value.resize * min(height, width) / min(value.height, value.width)))
    return Fact(
        value.model_copy(update=changed), f"{read.source}; {height} x {width} from the graph, which takes no other"
    )


def _usual_input(network: Network, height: int, width: int) -> Fact[InputSpec]:
    """Return what is usual where nothing was said: squashed for what comes from Keras, or is not square; else cropped."""
    if network.layout == "NHWC" or height != width:
        way: InputSpec = SquashInput(fit="squash", height=height, width=width, interpolation="bilinear")
        return Fact(way, f"a guess, usual for {network.layout}: nothing says it; --fit, --resize")
    resize = int(height / _CROPPED)
    way = CropInput(fit="crop", height=height, width=width, resize=resize, interpolation="bilinear")
    return Fact(way, "a guess, usual for NCHW: nothing says it; --fit, --resize")


def _found_scale(
    network: Network,
    fitted: Sequence[Image.Image],
    labels: Sequence[int | None],
    channels: Channels,
    outputs: Fact[Outputs] | None,
) -> Fact[Scale]:
    """Return the scale with which the network is right most often, or else surest of different things."""
    from onnx import TensorProto

    if network.input.dtype == TensorProto.UINT8:
        return Fact(UNSCALED, "the graph takes bytes")
    tried = {
        name: look(network, fitted, labels, channels, scale, outputs.value if outputs else None)
        for name, scale in SCALES.items()
    }
    best = max(tried, key=lambda name: (tried[name].right or 0, tried[name].firsts * tried[name].confidence))
    others = sorted((each for name, each in tried.items() if name != best), key=lambda each: each.confidence)
    clear = "" if tried[best].beats(others[-1]) else ", which decides little: say --values, or --mean and --std"
    return Fact(SCALES[best], f"tried on photos: {tried[best]}, the next {others[-1]}{clear}")


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
        if len(rows) >= _FEWEST and time.monotonic() > until:
            break
    return seen(np.stack(rows), labels)


def seen(rows: NDArray[np.float32], labels: Sequence[int | None]) -> Seen:
    """Return what rows of probabilities, (photos, classes), come to."""
    firsts = rows.argmax(axis=1)
    known = [(first, label) for first, label in zip(firsts, labels, strict=False) if label is not None]
    right = sum(first == label for first, label in known) / len(known) if known else None
    return Seen(float(np.nan_to_num(rows.max(axis=1)).mean()), len(set(firsts.tolist())), right, len(rows))


def outputs_of(raw: NDArray[np.float32]) -> Outputs:
    """Return what raw outputs, (photos, columns), look like: probabilities where they can be some."""
    if raw.min() < 0 or raw.max() > 1 + _ROUNDING:
        return "logits" if raw.shape[1] > 1 else "independent_logits"
    if raw.shape[1] == 1:
        return "independent_probabilities"
    return "probabilities" if np.allclose(raw.sum(axis=1), 1, atol=0.01) else "independent_probabilities"


def _outputs(reading: Reading, network: Network, raw: list[NDArray[np.float32]]) -> Fact[Outputs]:
    """Return what the numbers are: as was read, unless they cannot be that."""
    rows = np.stack(raw)
    if not np.isfinite(rows).all():
        raise NetworkError(
            "the network gives NaN or infinity for a photo: its weights are broken, or --mean and --std are wrong"
        )
    found = outputs_of(rows)
    read = reading.outputs
    if network.columns == 1:
        logits = found.endswith("logits") or (read is not None and read.value.endswith("logits"))
        return Fact(
            "independent_logits" if logits else "independent_probabilities", "one column: both classes are made of it"
        )
    if read is None:
        return Fact(found, "as its numbers are on photos")
    if read.value.endswith("logits") and found == "probabilities":
        return Fact(
            found, f"its numbers on photos: they sum to 1 already, though {read.source} says {_words(read.value)}"
        )
    if read.value.endswith("probabilities") and found in {"logits", "independent_logits"}:
        appended: Outputs = "logits" if read.value == "probabilities" else "independent_logits"
        return Fact(
            appended, f"its numbers on photos: they are none yet, though {read.source} says {_words(read.value)}"
        )
    if read.value == "probabilities" and found == "independent_probabilities":
        return Fact(found, f"its numbers on photos: they do not sum to 1, though {read.source} says so")
    return read


def _words(outputs: Outputs) -> str:
    return outputs.replace("_", " ")


def alternatives(
    network: Network, preparation: Preparation, images: Sequence[Image.Image], labels: Sequence[int | None]
) -> Iterator[str]:
    """Yield a sentence for each other way to prepare photos with which the network does clearly better.

    Source of the method: without labels, mean confidence falls with a wrong colour, scale or geometry; it is no proof.
    """
    few = images[:_MOST]
    spec, outputs = preparation.input.value, preparation.outputs.value

    def tried(spec: InputSpec, channels: Channels, scale: Scale) -> Seen:
        return look(network, [prepared(image, spec) for image in few], labels, channels, scale, outputs)

    now = tried(spec, preparation.channels.value, preparation.scale.value)
    ways: dict[str, tuple[InputSpec, Channels, Scale]] = {}
    if preparation.channels.value != "grey":
        other: Channels = "rgb" if preparation.channels.value == "bgr" else "bgr"
        ways[f"--channels {other}"] = (spec, other, preparation.scale.value)
    for name, scale in SCALES.items():
        if scale != preparation.scale.value:
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
            resize=int(min(height, width) / _CROPPED),
            interpolation=interpolation,
        ),
        SquashInput(fit="squash", height=height, width=width, interpolation=interpolation),
        PadInput(fit="pad", height=height, width=width, interpolation=interpolation),
    ]
    for way in ways:
        if way.fit != spec.fit and (way.fit != "crop" or height == width):
            yield way.fit, way


def reference(network: Network, preparation: Preparation) -> Reference:
    """Return the source's own pipeline, as it was described."""
    return Reference(network, preparation.input.value, preparation.channels.value, preparation.scale.value)
