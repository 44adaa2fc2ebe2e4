"""read, network -> [how a photo has to be prepared, all of it] -> wrap. What nobody said is found on photos, or guessed."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.bundle.inputs import CropInput, InputSpec, SquashInput
from sightserve.models.errors import NetworkError, UnclearSource
from sightserve.models.looks import CROPPED, FEWEST, MOST, Preparation, Seen, gain, look, outputs_of
from sightserve.models.network import Network
from sightserve.models.reference import Reference, prepared, scaled
from sightserve.models.source import SCALES, UNSCALED, Channels, Fact, Outputs, Reading, Scale

_SAME: Final = 0.05  # of `looks.Seen.spread`, below which a network says the same of every photo


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
    fitted = [prepared(image, spec.value) for image in images[:MOST]]
    scale = reading.scale or _found_scale(network, fitted, labels, channels.value, reading.outputs)
    outputs = _outputs(
        reading, network, [network(scaled(image, channels.value, scale.value)) for image in fitted[:FEWEST]]
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
    resize = int(height / CROPPED)
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
    usual = "imagenet" if network.layout == "NCHW" else "0 to 1"
    if all(seen.right is None for seen in tried.values()):
        best = _surest(tried, usual)
    else:
        best = max(tried, key=lambda name: (tried[name].right or 0, name == usual))
    told = (
        f"tried on photos: {tried[best]}"
        if tried[best].beats(tried[usual])
        else f"usual for {network.layout}, {tried[best]}"
    )
    others = "; ".join(f"{name}: {tried[name]}" for name in tried if name != best)
    return Fact(SCALES[best], f"a guess: {told} ({others}); --values, --mean, --std")


def _surest(tried: Mapping[str, "Seen"], usual: str) -> str:
    """Return the scale that photos without labels speak for.

    Larger numbers make any network surer of itself, so that confidence speaks only for a scale with smaller ones. Numbers that
    are far too small are all the same to it.
    """
    if tried[usual].spread < _SAME < tried["0 to 255"].spread:
        return "0 to 255"
    smaller = [name for name in tried if gain(SCALES[name]) <= gain(SCALES[usual])]
    best = max(smaller, key=lambda name: tried[name].confidence)
    return best if tried[best].beats(tried[usual]) else usual


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


def reference(network: Network, preparation: Preparation) -> Reference:
    """Return the source's own pipeline, as it was described."""
    return Reference(network, preparation.input.value, preparation.channels.value, preparation.scale.value)
