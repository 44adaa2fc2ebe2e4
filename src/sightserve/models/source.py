"""What is read of a source: a network, its labels, how it wants a photo, and where each of these facts stood."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, TypeVar

from numpy.typing import NDArray

from sightserve.bundle.inputs import InputSpec, Rounding

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

Channels = Literal["rgb", "bgr", "grey"]
# What the network's output is, before anything is appended: `exclusive` classes sum to 1 or would after softmax, `independent`
# ones have a probability each (sigmoid). One column is `independent` of two classes: 1 - p, and p.
Outputs = Literal["logits", "probabilities", "independent_logits", "independent_probabilities"]


class Fact(NamedTuple, Generic[T]):
    """Something that was read, and from where, in words for people: "names in the file's metadata", "--mean"."""

    value: T
    source: str


class Scale(NamedTuple):
    """What becomes of a channel's value v, 0 to 255: (v - mean) / std. One number for grey, else three, in the order RGB."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


UNSCALED = Scale((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
UNIT = Scale((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
IMAGENET = Scale((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
SIGNED = Scale((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
# The usual ones, by the words for people and for --values.
SCALES: Final = {"imagenet": IMAGENET, "0 to 1": UNIT, "-1 to 1": SIGNED, "0 to 255": UNSCALED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A source, read. What is None, nobody said: it is taken from the graph, or found on photos, or has to be asked for.

    Attributes:
        graph: the network as an ONNX file; its external data lie beside it.
        kind: of source, for people: "Ultralytics export", "Hugging Face folder", "ONNX file".
        name: for the bundle, where nobody chose one.
        labels: in the network's order.
        input: geometry and interpolation, without regard to what the graph takes.
        channels: that the network takes; bgr: their order is reversed.
        scale: of channel values.
        outputs: what the numbers are that the graph gives.
        output: of the graph, where it has several.
        description: of the network, in a sentence.
        license: an SPDX expression.
        notes: what a person should know.
        original: the source's own pipeline, where it has one in this environment: an upright RGB photo to the graph's raw
            output, float32 (classes,). None: what was read is carried out step by step (`reference.py`).
    """

    graph: Path
    kind: str
    name: str
    labels: Fact[tuple[str, ...]] | None = None
    input: Fact[InputSpec] | None = None
    channels: Fact[Channels] | None = None
    scale: Fact[Scale] | None = None
    outputs: Fact[Outputs] | None = None
    output: Fact[str] | None = None
    description: str = ""
    license: str | None = None
    notes: tuple[str, ...] = ()
    original: "Callable[[Image.Image], NDArray[Any]] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says, each stronger than what was read.

    Attributes:
        labels: file with a label a line, or a JSON file of names and indices.
        arch: of a checkpoint: timm:NAME, torchvision:NAME.
        classes: of a checkpoint's last layer, where the file does not tell.
        size: height and width of the network's input, px.
        fit: whole, crop, squash or pad.
        resize: of the shorter side before a crop; of both sides where a photo is squashed and cut afterwards; px.
        interpolation, antialias, rounding, colour, align: see `bundle.inputs`.
        mean, std: of channel values: 0 to 1 where all are at most 1, else 0 to 255.
        values: a key of `SCALES`, instead of the two.
        channels, outputs, output: see `Reading`.
    """

    labels: Path | None = None
    arch: str | None = None
    classes: int | None = None
    size: tuple[int, int] | None = None
    fit: Literal["whole", "crop", "squash", "pad"] | None = None
    resize: int | None = None
    interpolation: str | None = None
    antialias: bool | None = None
    rounding: Rounding | None = None
    colour: tuple[int, int, int] | None = None
    align: Literal["centre", "start"] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    values: str | None = None
    channels: Channels | None = None
    outputs: Outputs | None = None
    output: str | None = None

    @property
    def changes_preprocessing(self) -> bool:
        """Whether the source's own pipeline would see a photo in another way than these say."""
        of_a_photo = (
            self.fit, self.resize, self.interpolation, self.antialias, self.rounding, self.colour, self.align,
            self.mean, self.std, self.values, self.channels,
        )  # fmt: skip
        return any(given is not None for given in of_a_photo)
