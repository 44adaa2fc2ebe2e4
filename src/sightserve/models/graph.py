"""What `wrap` needs of an ONNX graph: its one photo input, the output with the classes, and what nothing reads any more."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import onnx
from onnx import TensorProto

from sightserve.models.errors import NetworkError, UnclearSource

_NUMBERS: Final = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
_INTEGERS: Final = {TensorProto.UINT8: "uint8"}
_IMAGE_RANK: Final = 4
_COLOURS: Final = (1, 3)
_LARGEST: Final = 2**31 - 2**20  # bytes that one protocol buffer may have

Dimension = int | None


class PhotoInput(NamedTuple):
    """The input that takes photos.

    Attributes:
        name: of the tensor.
        dtype: an `onnx.TensorProto` type.
        shape: None where the graph leaves a side free.
        layout: of the axes: NCHW or NHWC; None where the shape does not tell.
    """

    name: str
    dtype: int
    shape: tuple[Dimension, ...]
    layout: str | None

    @property
    def batch(self) -> Dimension:
        """How many photos at once; None: any number."""
        return self.shape[0]

    @property
    def sides(self) -> tuple[Dimension, Dimension]:
        """Height and width, where they are fixed."""
        return (self.shape[1], self.shape[2]) if self.layout == "NHWC" else (self.shape[2], self.shape[3])

    @property
    def colours(self) -> Dimension:
        """How many channels, where the shape tells."""
        return self.shape[3] if self.layout == "NHWC" else self.shape[1]


def load(path: Path) -> Any:
    """Return the model of an ONNX file with all of its weights.

    Raises:
        NetworkError: it is none, or lacks the file with its weights.
    """
    try:
        return onnx.load(str(path), load_external_data=True)
    except FileNotFoundError as exc:
        raise NetworkError(
            f"{path.name} keeps its weights in another file, {Path(str(exc.filename or exc)).name}, which is not beside it: "
            "copy both"
        ) from exc
    except Exception as exc:  # protobuf and onnx raise what they like
        raise NetworkError(f"{path.name} is no ONNX file, or is damaged: {exc}") from exc


def photo_input(graph: Any) -> PhotoInput:
    """Return the graph's input of photos.

    Raises:
        NetworkError: there is none, or it wants more than a photo.
    """
    given = {tensor.name for tensor in graph.initializer}
    inputs = [tensor for tensor in graph.input if tensor.name not in given]
    if len(inputs) != 1:
        raise NetworkError(
            f"the network wants {len(inputs)} inputs ({described(inputs)}): a classifier of photos has one"
        )
    (only,) = inputs
    dtype = only.type.tensor_type.elem_type
    shape = dimensions(only)
    if len(shape) != _IMAGE_RANK or dtype not in _NUMBERS | _INTEGERS:
        raise NetworkError(
            f"the network's input is {described(inputs)}: photos are four axes (batch, channels, height, width or "
            "batch, height, width, channels) of float32, float16 or uint8"
        )
    if all(side is not None and side not in _COLOURS for side in (shape[1], shape[3])):
        raise NetworkError(f"the network's input is {described(inputs)}: photos have one or three channels")
    return PhotoInput(only.name, dtype, shape, _layout(shape))


def _layout(shape: Sequence[Dimension]) -> str | None:
    first, last = shape[1] in _COLOURS, shape[3] in _COLOURS
    if first != last:
        return "NCHW" if first else "NHWC"
    return None


def dimensions(tensor: Any) -> tuple[Dimension, ...]:
    """Return a tensor's shape; None for a side that is free."""
    sides = tensor.type.tensor_type.shape.dim
    return tuple(side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in sides)


def described(tensors: Iterable[Any]) -> str:
    """Return tensors in words: name, type and shape."""
    words = []
    for tensor in tensors:
        kind = tensor.type.tensor_type
        name = TensorProto.DataType.Name(kind.elem_type).lower()
        words.append(f"{tensor.name}: {name} {['?' if side is None else side for side in dimensions(tensor)]}")
    return "; ".join(words) or "none"


def class_output(
    outputs: Sequence[str], shapes: Sequence[tuple[int, ...]], wanted: str | None, labels: int | None
) -> tuple[str, tuple[int, ...]]:
    """Return the output with the classes, and its shape for one photo.

    Args:
        outputs: names of all.
        shapes: for one photo, as the network was seen to give them.
        wanted: the name that somebody gave.
        labels: how many there are, where that is known.

    Raises:
        NetworkError: there is none of that name, or none that could be it.
        UnclearSource: there are several.
    """
    found = dict(zip(outputs, shapes, strict=True))
    listed = ", ".join(f"{name} {list(shape)}" for name, shape in found.items())
    if wanted is not None:
        if wanted not in found:
            raise NetworkError(f"the network has no output {wanted}: it has {listed}")
        return wanted, found[wanted]
    flat = {name: shape for name, shape in found.items() if _is_a_row(shape)}
    for possible in (
        {name: shape for name, shape in flat.items() if labels is not None and _columns(shape) == labels},
        flat,
    ):
        if len(possible) == 1:
            return next(iter(possible.items()))
    if not flat:
        raise NetworkError(
            f"the network gives {listed}: a classifier gives one row of numbers for each photo (batch, classes). "
            "Was it exported from a detector, a segmentation, or without its head?"
        )
    raise UnclearSource(f"the network gives {listed}: say with --output which one has the classes")


def _columns(shape: tuple[int, ...]) -> int:
    columns = 1
    for side in shape[1:]:
        columns *= side
    return columns


def _is_a_row(shape: tuple[int, ...]) -> bool:
    """Whether this is a row a photo: (1, classes), (1, classes, 1, 1), or (1,), which is one column."""
    return 1 <= len(shape) <= _IMAGE_RANK and shape[0] == 1 and sum(side > 1 for side in shape[1:]) <= 1


def prune(graph: Any) -> None:
    """Take out what no output needs: the nodes, the weights, and the shapes that were noted of what lies between."""
    needed = {tensor.name for tensor in graph.output}
    kept = []
    for node in reversed(graph.node):
        if any(name in needed for name in node.output):
            kept.append(node)
            needed.update(name for name in node.input if name)
            needed.update(_captured(node))
    kept.reverse()
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    inputs = [tensor for tensor in graph.input if tensor.name in needed]
    for field, values in (("node", kept), ("initializer", weights), ("input", inputs)):
        del getattr(graph, field)[:]
        getattr(graph, field).extend(values)
    del graph.value_info[:]


def _captured(node: Any) -> set[str]:
    """Return what the bodies of an If or a Loop read of the graph around them."""
    names: set[str] = set()
    for attribute in node.attribute:
        for body in [attribute.g, *attribute.graphs]:
            for inner in body.node:
                names.update(inner.input)
                names |= _captured(inner)
            names.update(tensor.name for tensor in body.output)
    return names


def save(model: Any, path: Path, *, external_above: int) -> bool:
    """Write a model, its weights in `NAME.data` beside it where they are more than so many bytes; return whether they are."""
    size = model.ByteSize()
    if size <= min(external_above, _LARGEST):
        onnx.save(model, str(path))
        return False
    onnx.save(
        model, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=f"{path.name}.data",
        size_threshold=1024, convert_attribute=False,
    )  # fmt: skip
    return True


def external_files(path: Path) -> list[str]:
    """Return the names of the files in which an ONNX file keeps weights."""
    tensors = onnx.load(str(path), load_external_data=False).graph.initializer
    names = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return sorted(names)
