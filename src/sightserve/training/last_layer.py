"""A classifier's graph -> [which node is its last layer, and how many features it takes] -> extractor, graft."""

from typing import Any, Final

from sightserve.training.errors import TrainError

# What may stand between the last layer and the probabilities, or before the last layer's weights, and changes no order.
_PASSES: Final = frozenset(
    ("Cast", "DequantizeLinear", "Dropout", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze")
)
_ROW: Final = 2  # axes of probabilities: photos, classes
_LONGEST_WAY: Final = 8  # nodes from a constant to what takes it: Transpose, DequantizeLinear, ...


def last_layer(graph: Any, output: str | None, name: str) -> Any:  # noqa: ANN401 - protocol buffers are untyped
    """Return the Gemm or MatMul whose product becomes, with a bias or none, the logits of the softmax.

    Of a layer in int8 whose inputs are rounded as they come, it is the same in float: what it takes is the first input.

    Args:
        graph: of a bundle.
        output: with the probabilities, as the manifest names it; None: the first that has a row for each photo.
        name: of the model, for the message.

    Raises:
        TrainError: the network ends otherwise.
    """
    way = _Way(graph)
    rows = [each.name for each in graph.output if len(each.type.tensor_type.shape.dim) == _ROW]
    softmax = way.back(output or next(iter(rows), graph.output[0].name))
    found = None
    if softmax is not None and softmax.op_type == "Softmax":
        found = way.back(softmax.input[0])
        if found is not None and found.op_type == "Add" and any(map(way.is_constant, found.input)):
            found = way.back(found.input[1] if way.is_constant(found.input[0]) else found.input[0])
        found = way.in_float(found)
    if found is None or found.op_type not in {"Gemm", "MatMul"} or not way.is_constant(found.input[1]):
        ends = " after ".join(node.op_type for node in (softmax, found) if node is not None) or "nothing"
        raise TrainError(
            f"{name} cannot be learned on: its network ends in {ends}, and what can be is a linear layer (Gemm or MatMul) "
            "and a softmax. The embedded models end so: leave --base away, or name another"
        )
    return found


def features_of(graph: Any, last: Any, name: str) -> int:  # noqa: ANN401
    """Return how many numbers the last layer takes of a photo.

    Raises:
        TrainError: it is no plain layer.
    """
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    makers = _makers(graph)
    tensor, turned = last.input[1], False
    while tensor not in shapes and (node := makers.get(tensor)) is not None:
        if node.op_type == "Constant":
            shapes[tensor] = next((list(each.t.dims) for each in node.attribute if each.name == "value"), [])
            break
        turned ^= node.op_type == "Transpose"
        tensor = node.input[0]
    shape = shapes.get(tensor, [])
    attributes = {each.name: each.i for each in last.attribute}
    if len(shape) != _ROW or attributes.get("transA"):
        raise TrainError(f"{name} cannot be learned on: its last layer is no plain one of numbers and weights")
    return int(shape[0 if turned == bool(attributes.get("transB")) else 1])


def _makers(graph: Any) -> dict[str, Any]:  # noqa: ANN401
    return {made: node for node in graph.node for made in node.output}


class _Way:
    """Goes back through a graph."""

    def __init__(self, graph: Any) -> None:  # noqa: ANN401
        self._makers = _makers(graph)
        self._known = {tensor.name for tensor in graph.initializer}

    def back(self, tensor: str) -> Any:  # noqa: ANN401
        """Return the node that makes a tensor, or the one before it where that changes nothing of account."""
        while (node := self._makers.get(tensor)) is not None and node.op_type in _PASSES:
            tensor = node.input[0]
        return node

    def is_constant(self, tensor: str, way: int = _LONGEST_WAY) -> bool:
        """Whether it depends on no photo."""
        if tensor in self._known:
            return True
        node = self._makers.get(tensor)
        if node is None or not way:
            return False
        if not node.input:
            return bool(node.op_type == "Constant")
        return all(self.is_constant(each, way - 1) for each in node.input if each)

    def in_float(self, node: Any) -> Any:  # noqa: ANN401
        """Return a MatMul for what stands for one where inputs are rounded as they come; any other node as it is."""
        from onnx import helper  # noqa: PLC0415 - slow to import

        if node is None or node.op_type != "Mul":
            return node
        for factor in node.input:
            product = self.back(factor)
            if product is not None and product.op_type == "MatMulInteger":
                rounding = self._makers.get(product.input[0])
                if rounding is not None and rounding.op_type == "DynamicQuantizeLinear":
                    return helper.make_node("MatMul", [rounding.input[0], product.input[1]], list(node.output))
        return node
