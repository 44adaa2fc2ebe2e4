"""What was read of a model, in words for people: the table that `sightserve model add` prints and the manifest keeps."""

from typing import Final

from sightserve.bundle.inputs import CropInput, InputSpec, PadInput, SquashInput, WholeInput
from sightserve.bundle.provenance import ReadFact
from sightserve.models.looks import Preparation
from sightserve.models.network import Network
from sightserve.models.source import SCALES, Fact, Outputs, Scale

_OUTPUTS: Final[dict[Outputs, str]] = {
    "logits": "logits: softmax is added",
    "probabilities": "probabilities that sum to 1",
    "independent_logits": "logits of classes that stand each by itself: sigmoid is added",
    "independent_probabilities": "a probability for each class by itself",
}
_FEW: Final = 4


def facts(network: Network, labels: Fact[tuple[str, ...]], preparation: Preparation) -> tuple[ReadFact, ...]:
    """Return what is known of a network, and from where."""
    few = ", ".join(labels.value[:_FEW]) + (", ..." if len(labels.value) > _FEW else "")
    sides = "any size" if network.size is None else "{} x {}".format(*network.size)
    graph = f"{network.layout}, {network.colours} channels, {sides}"
    outputs = preparation.outputs
    one = "one column, whose other half is added" if network.columns == 1 else _OUTPUTS[outputs.value]
    return (
        ReadFact(what="input", value=graph, source="the graph"),
        ReadFact(what="labels", value=f"{len(labels.value)}: {few}", source=labels.source),
        ReadFact(what="photo", value=geometry(preparation.input.value), source=preparation.input.source),
        ReadFact(what="colours", value=preparation.channels.value.upper(), source=preparation.channels.source),
        ReadFact(what="values", value=scale(preparation.scale.value), source=preparation.scale.source),
        ReadFact(what="output", value=one, source=outputs.source),
    )


def geometry(spec: InputSpec) -> str:
    """Return in words what becomes of a photo."""
    return _geometry(spec) + ("" if spec.antialias else " without antialiasing")


def _geometry(spec: InputSpec) -> str:
    match spec:
        case WholeInput():
            return f"whole, shorter side {spec.shorter_side}, {spec.interpolation}"
        case CropInput(resize=int(resize)):
            return f"resize {resize}, crop {_sides(spec.height, spec.width)}, {spec.interpolation}"
        case CropInput():
            return f"crop {_sides(spec.height, spec.width)} of {spec.fraction:.3g} of the photo, {spec.interpolation}"
        case SquashInput(resize=(height, width)):
            return f"squash to {_sides(height, width)}, crop {_sides(spec.height, spec.width)}, {spec.interpolation}"
        case SquashInput():
            return f"squash to {_sides(spec.height, spec.width)}, {spec.interpolation}"
        case PadInput():
            at = "" if spec.align == "centre" else ", at the left and upper edges"
            return f"pad to {_sides(spec.height, spec.width)} with {spec.colour}{at}, {spec.interpolation}"
    raise AssertionError(spec)


def _sides(height: int, width: int) -> str:
    return str(height) if height == width else f"{height} x {width}"


def scale(value: Scale) -> str:
    """Return in words what becomes of a channel's value."""
    known = next((name for name, each in SCALES.items() if each == value), None)
    if known is not None:
        return "ImageNet's mean and std" if known == "imagenet" else known
    mean, std = (", ".join(f"{number:.4g}" for number in numbers) for numbers in value)
    return f"(value - [{mean}]) / [{std}], of 0 to 255"
