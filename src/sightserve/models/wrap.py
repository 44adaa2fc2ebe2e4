"""read -> [a graph that takes photos as bytes and gives probabilities] -> verify. Plain `onnx`: no framework has to be there.

Around the network: uint8 (N, height, width, 3) RGB in; channel order, grey, mean and std, and the order of the axes before it;
softmax, sigmoid, or both halves of one column after it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, version_converter

from sightserve.models import graph as graphs
from sightserve.models.errors import NetworkError
from sightserve.models.network import Network, session_of
from sightserve.models.source import Channels, Outputs, Scale

_OPSET: Final = 17  # what the quantiser and every ONNX Runtime of the last years know
_LEAST_OPSET: Final = 13  # of whose Softmax and Reshape this relies on nothing else
_EXTERNAL_ABOVE: Final = 50 * 2**20  # bytes of weights, which slots share when they lie beside the graph
_RGB: Final = 3
# ITU-R 601, as Pillow's conversion to "L" has it, in 65536ths and rounded.
_LUMA: Final = np.array([19595, 38470, 7471], dtype=np.float64) / 65536
_TOLERANCE: Final = 1e-3  # of a probability: what a batch may change
_PREFIX: Final = "sightserve_"


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What goes around a network.

    Attributes:
        channels: that it takes.
        scale: of their values, in the order RGB.
        outputs: what its numbers are.
        size: height and width of its input, px; None leaves both free.
    """

    channels: Channels
    scale: Scale
    outputs: Outputs
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A graph as the backend takes it.

    Attributes:
        path: of the file; its external data lie beside it.
        classes: how many it tells apart.
        max_batch: photos at once, where it cannot be any number.
        exclusive: whether they sum to 1.
        notes: what a person should know.
    """

    path: Path
    classes: int
    max_batch: int | None
    exclusive: bool
    notes: tuple[str, ...] = ()


def wrap(network: Network, how: How, path: Path) -> Wrapped:
    """Write the graph around a network, and make sure that what is around it changes nothing.

    Args:
        network: the source's, as it is.
        how: what goes around it.
        path: of the file to write; `NAME.data` beside it gets the weights where they are large.

    Raises:
        NetworkError: it cannot be wrapped so, and why.
    """
    notes: list[str] = []
    model = _lifted(graphs.load(network.path), notes)
    graph = model.graph
    _after(graph, network, how)
    _before(graph, network, how)
    graphs.prune(graph)
    batch = network.input.batch
    max_batch = None
    if batch is not None:
        free = _with_any_batch(model, batch)
        if free is not None and _works(free, how):
            model = free
        elif batch == 1:
            max_batch = 1
            notes.append(
                "it takes one photo at a time, as it was exported: with a dynamic batch (for Ultralytics: dynamic=True) it "
                "would answer more a second"
            )
        else:
            raise NetworkError(
                f"the network takes exactly {batch} photos at once: export it with a dynamic batch, or with 1"
            )
    del model.metadata_props[:]  # what a stranger wrote there, nobody needs any more
    graphs.save(model, path, external_above=_EXTERNAL_ABOVE)
    columns = network.columns
    return Wrapped(path, max(2, columns), max_batch, columns == 1 or _exclusive(how.outputs), tuple(notes))


def _exclusive(outputs: Outputs) -> bool:
    return outputs in {"logits", "probabilities"}


def _lifted(model: Any, notes: list[str]) -> Any:
    """Return the model in an opset that is new enough; an older one stays as it is where nothing can lift it."""
    version = next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), _OPSET)
    if version >= _OPSET:
        return model
    try:
        return version_converter.convert_version(model, _OPSET)
    except Exception as exc:  # noqa: BLE001 - whatever the converter stumbles over, the old opset still runs
        if version < _LEAST_OPSET:
            notes.append(
                f"its opset {version} cannot be lifted to {_OPSET} ({str(exc).splitlines()[0]}): int8 is not tried"
            )
        return model


def _before(graph: Any, network: Network, how: How) -> None:
    photo = network.input
    sides: list[int | str] = list(how.size) if how.size else ["height", "width"]
    batch: int | str = "N" if photo.batch is None else photo.batch
    nodes: list[Any] = []
    current = photos = _unused(graph, "photos")

    def step(kind: str, *inputs: str, **attributes: Any) -> None:
        nonlocal current
        made = f"{_PREFIX}before_{len(nodes)}"
        nodes.append(helper.make_node(kind, [current, *inputs], [made], name=made, **attributes))
        current = made

    def constant(name: str, value: NDArray[Any]) -> str:
        graph.initializer.append(numpy_helper.from_array(value, _PREFIX + name))
        return _PREFIX + name

    planes = network.layout == "NCHW"
    if how.channels == "grey":  # before the axes change places
        step("Cast", to=TensorProto.FLOAT)
        step("MatMul", constant("luma", _LUMA.astype(np.float32)[:, None]))
        step("Add", constant("half", np.array(0.5, dtype=np.float32)))
        step("Floor")
    elif how.channels == "bgr":
        step("Gather", constant("reversed", np.array([2, 1, 0], dtype=np.int64)), axis=3)
    if planes:
        step("Transpose", perm=[0, 3, 1, 2])  # of bytes, where they still are some
    if how.channels != "grey" and (photo.dtype != TensorProto.UINT8 or not _is_unscaled(how.scale)):
        step("Cast", to=TensorProto.FLOAT)
    mean, std = (_in_order(numbers, how.channels) for numbers in how.scale)
    shape = (1, -1, 1, 1) if planes else (1, 1, 1, -1)
    if mean.any():
        step("Sub", constant("mean", mean.reshape(shape).astype(np.float32)))
    if (std != 1).any():
        step("Mul", constant("scale", (1 / std).reshape(shape).astype(np.float32)))
    if photo.dtype not in {TensorProto.FLOAT, TensorProto.UINT8} or (
        photo.dtype == TensorProto.UINT8 and (how.channels == "grey" or not _is_unscaled(how.scale))
    ):
        step("Cast", to=photo.dtype)
    if not nodes:
        step("Identity")
    nodes[-1].output[0] = photo.name
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *body])
    others = [tensor for tensor in graph.input if tensor.name != photo.name]
    del graph.input[:]
    graph.input.extend([helper.make_tensor_value_info(photos, TensorProto.UINT8, [batch, *sides, _RGB]), *others])


def _in_order(numbers: tuple[float, ...], channels: Channels) -> NDArray[np.float64]:
    """Return one number a channel, in the network's order."""
    values = np.array(numbers, dtype=np.float64)
    if channels == "grey":
        return values[:1] if len(set(numbers)) == 1 else np.array([values @ _LUMA]) if len(values) == _RGB else values
    values = np.broadcast_to(values, (_RGB,))
    return values[::-1] if channels == "bgr" else values


def _is_unscaled(scale: Scale) -> bool:
    return not any(scale.mean) and all(each == 1 for each in scale.std)


def _after(graph: Any, network: Network, how: How) -> None:
    current = network.output

    def step(kind: str, *more: str, first: str | None = None, **attributes: Any) -> str:
        nonlocal current
        made = f"{_PREFIX}after_{len(graph.node)}"
        graph.node.append(helper.make_node(kind, [first or current, *more], [made], name=made, **attributes))
        current = made
        return made

    step("Cast", to=TensorProto.FLOAT)
    if len(network.shape) == 1:
        graph.initializer.append(numpy_helper.from_array(np.array([-1, 1], dtype=np.int64), _PREFIX + "column"))
        step("Reshape", _PREFIX + "column")
    elif len(network.shape) > 2:  # noqa: PLR2004 - (N, classes, 1, 1)
        step("Flatten", axis=1)
    if network.columns == 1:
        if how.outputs.endswith("logits"):
            step("Sigmoid")
        second = current
        graph.initializer.append(numpy_helper.from_array(np.array(1, dtype=np.float32), _PREFIX + "one"))
        graph.node.append(helper.make_node("Sub", [_PREFIX + "one", second], [_PREFIX + "other"]))
        step("Concat", second, first=_PREFIX + "other", axis=1)
    elif how.outputs == "logits":
        step("Softmax", axis=1)
    elif how.outputs == "independent_logits":
        step("Sigmoid")
    name = graph.node[-1].output[0] = _unused(graph, "probabilities")
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", max(2, network.columns)]))


def _unused(graph: Any, name: str) -> str:
    """Return a name for a tensor, with our prefix where the network has a tensor that is called so."""
    taken = {each for node in graph.node for each in (*node.input, *node.output)}
    taken |= {tensor.name for tensor in (*graph.input, *graph.initializer)}
    return _PREFIX + name if name in taken else name


def _with_any_batch(model: Any, batch: int) -> Any | None:
    """Return the same with a free first axis, with what reshapes to a fixed batch taken along; None where nothing can be."""
    free = type(model)()
    free.CopyFrom(model)
    tensor = free.graph.input[0].type.tensor_type.shape.dim[0]
    tensor.Clear()
    tensor.dim_param = "N"
    shapes = {node.input[1] for node in free.graph.node if node.op_type == "Reshape"}
    constants = {node.output[0]: node for node in free.graph.node if node.op_type == "Constant"}
    held = {each.name: each for each in free.graph.initializer}
    for name in shapes:
        if name in held:
            proto = held[name]
        elif name in constants and constants[name].attribute[0].name == "value":
            proto = constants[name].attribute[0].t
        else:
            continue
        values = numpy_helper.to_array(proto).copy()
        if values.ndim == 1 and values.size and values[0] == batch and (values != 0).all():
            values[0] = 0  # whatever its input has there
            proto.CopyFrom(numpy_helper.from_array(values, proto.name))
    return free


def _works(model: Any, how: How) -> bool:
    """Whether it gives several photos what it gives each of them."""
    try:
        session = session_of(model.SerializeToString())
        name = session.get_inputs()[0].name
        photos = _noise(3, how.size or (224, 224))
        together = session.run(None, {name: photos})[0]
        single = np.concatenate([session.run(None, {name: photo[None]})[0] for photo in photos])
    except Exception:  # noqa: BLE001 - it does not, whatever the reason
        return False
    return together.shape == single.shape and bool(np.abs(together - single).max() <= _TOLERANCE)


def _noise(count: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return photos of noise, the same every time, (count, height, width, 3)."""
    return np.random.default_rng(0).integers(0, 256, (count, *size, _RGB), dtype=np.uint8)
