"""learn -> [the base's graph with another last layer, and its class map with the same] -> bundle.

The network stays as it is, int8 where it was; the new layer is a Gemm in float32, a thousandth of the work.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sightserve.bundle.manifest import Bundle
from sightserve.models import graph as graphs
from sightserve.training.errors import TrainError
from sightserve.training.last_layer import last_layer

_PREFIX: Final = "own_"
_EXTERNAL_ABOVE: Final = 50 * 2**20  # bytes of weights, which slots share when they lie beside the graph

Head = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grafted:
    """Files of a model with a layer of its own.

    Attributes:
        graph: its external data lie beside it.
        class_map: None where heat maps are made otherwise.
    """

    graph: Path
    class_map: Path | None


def graft(base: Bundle, weights: Head, bias: Head, folder: Path) -> Grafted:
    """Write the base's graph, and its class map where it has one, with another last layer.

    Args:
        base: the bundle whose network the features are of.
        weights: (classes, features), of what the base's last layer takes.
        bias: (classes,).
        folder: that the files go into.

    Raises:
        TrainError: the network does not end in a layer that can be replaced by this.
    """
    manifest = base.manifest
    model = graphs.load(base.directory / manifest.model.file)
    _with_head(model, manifest.output.name, manifest.name, weights, bias)
    path = folder / "model.onnx"
    graphs.save(model, path, external_above=_EXTERNAL_ABOVE)
    if manifest.heat_map is None:
        return Grafted(path, None)
    class_map = onnx.load_from_string(bytes(base.class_map))
    if not _with_cells(class_map.graph, weights, bias):
        return Grafted(path, None)
    beside = folder / "class_map.onnx"
    onnx.save(class_map, str(beside))
    return Grafted(path, beside)


def own_weights(base: Bundle) -> Head | None:
    """Return the weights of the base's last layer, (its classes, features); None where they are not plain numbers.

    Raises:
        TrainError: the network does not end in a linear layer.
    """
    manifest = base.manifest
    graph = graphs.load(base.directory / manifest.model.file).graph
    last = last_layer(graph, manifest.output.name, manifest.name)
    held = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    maker = next((node for node in graph.node if last.input[1] in node.output), None)
    weights = held.get(last.input[1])
    if maker is not None and maker.op_type == "DequantizeLinear" and all(name in held for name in maker.input):
        stored, scale, *zero = (held[name].astype(np.float32) for name in maker.input)
        axis = next((each.i for each in maker.attribute if each.name == "axis"), 1)
        along = [-1 if at == axis % stored.ndim else 1 for at in range(stored.ndim)]
        scale, *zero = (each.reshape(along) if each.ndim else each for each in (scale, *zero))
        weights = (stored - (zero[0] if zero else 0)) * scale
    if weights is None or weights.ndim != 2:  # noqa: PLR2004
        return None
    turned = any(each.name == "transB" and each.i for each in last.attribute)
    found: Head = (weights if turned else weights.T).astype(np.float32)
    return found if np.isfinite(found).all() else None


def _with_head(model: Any, output: str | None, name: str, weights: Head, bias: Head) -> None:
    """Put Gemm and Softmax in place of the last layer and all behind it; the output keeps its name."""
    graph = model.graph
    last = last_layer(graph, output, name)
    made = next(each for each in graph.output if output in {None, each.name})
    classes, size = weights.shape
    others = {each.name for each in graph.output} - {made.name}
    _take_out(graph, made.name)
    taken = {each for node in graph.node for each in (*node.input, *node.output)} | others
    taken |= {each.name for each in (*graph.initializer, *graph.input)}

    def name_of(tensor: str) -> str:
        return tensor if tensor not in taken else name_of(_PREFIX + tensor)

    constants: dict[str, NDArray[Any]] = {
        name_of("own.weight"): weights,
        name_of("own.bias"): bias,
        name_of("own.shape"): np.array([-1, size], dtype=np.int64),
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(each), key) for key, each in constants.items()
    )
    weight, offset, shape = constants
    # whatever the base's layer took: float16, or an axis more than a Gemm can have
    real, rows, logits = name_of("own.real"), name_of("own.features"), name_of("own.logits")
    graph.node.extend(
        [
            helper.make_node("Cast", [last.input[0]], [real], name=real, to=TensorProto.FLOAT),
            helper.make_node("Reshape", [real, shape], [rows], name=rows),
            helper.make_node("Gemm", [rows, weight, offset], [logits], name=logits, transB=1),
            helper.make_node("Softmax", [logits], [made.name], name=f"{made.name}/Softmax", axis=-1),
        ]
    )
    batch = made.type.tensor_type.shape.dim[0]
    first: int | str = batch.dim_value if batch.HasField("dim_value") else batch.dim_param or "N"
    made.CopyFrom(helper.make_tensor_value_info(made.name, TensorProto.FLOAT, [first, classes]))
    graphs.prune(graph)


def _take_out(graph: Any, output: str) -> None:
    """Take out the node that makes an output; what only it needed goes when the graph is pruned."""
    kept = [node for node in graph.node if output not in node.output]
    if any(output in node.input for node in kept):
        raise TrainError(f"the network goes on behind its output {output}: train on another, such as accurate")
    del graph.node[:]
    graph.node.extend(kept)


def _with_cells(graph: Any, weights: Head, bias: Head) -> bool:
    """Put the same layer into a class map; return whether that could be done.

    What is replaced is found by what it does: the product of each cell with the weights, the sum with the biases, and the
    number of classes in the shape of what comes out.
    """
    held = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    products = [node for node in graph.node if node.op_type in {"Gemm", "MatMul"}]
    if len(products) != 1:
        return False
    (product,) = products
    sums = [node for node in graph.node if node.op_type == "Add" and product.output[0] in node.input]
    before = list(graph.output[0].type.tensor_type.shape.dim)[-1].dim_value
    shapes = [node.input[-1] for node in graph.node if node.op_type == "Concat" and node.input[-1] in held]
    numbers = [name for name in shapes if held[name].tolist() == [before]]
    offsets = [name for node in sums for name in node.input if name in held and held[name].shape == (before,)]
    if len(sums) != 1 or len(numbers) != 1 or len(offsets) != 1 or len(product.input) > 2:  # noqa: PLR2004
        return False
    new: dict[str, NDArray[Any]] = {
        "own.weight": np.ascontiguousarray(weights.T),
        offsets[0]: bias,
        numbers[0]: np.array([len(bias)], dtype=np.int64),
    }
    product.CopyFrom(
        helper.make_node("MatMul", [product.input[0], "own.weight"], [product.output[0]], name=product.name)
    )
    kept = [each for each in graph.initializer if each.name not in new]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *(numpy_helper.from_array(each, name) for name, each in new.items())])
    graph.output[0].type.tensor_type.shape.dim[-1].dim_value = len(bias)
    graphs.prune(graph)
    return True
