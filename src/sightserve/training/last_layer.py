"""A classifier's graph -> [which node is its last layer, and how many features it takes] -> extractor, graft."""

from typing import Any, Final

from sightserve.training.errors import TrainError

# What may stand between the last layer and the probabilities, or before the last layer's weights, and changes no order.
_PASSES: Final = frozenset(
    ("Cast", "DequantizeLinear", "Dropout", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze")
)


def last_layer(graph: Any, output: str | None, name: str) -> Any:  # noqa: ANN401
    """Return the Gemm or MatMul whose product becomes, with a bias or none, the logits of the softmax.

    Args:
        graph: of a bundle.
        output: with the probabilities, as the manifest names it; None: the first one.
        name: of the model, for the message.

    Raises:
        TrainError: the network ends otherwise.
    """
    makers = {made: node for node in graph.node for made in node.output}
    known = {tensor.name for tensor in graph.initializer}

    def back(tensor: str, through: frozenset[str]) -> Any:  # noqa: ANN401
        while (node := makers.get(tensor)) is not None and node.op_type in through:
            tensor = node.input[0]
        return node

    def is_constant(tensor: str) -> bool:
        if tensor in known:
            return True
        node = makers.get(tensor)
        return node is not None and (
            node.op_type == "Constant" or (bool(node.input) and all(is_constant(each) for each in node.input if each))
        )

    softmax = back(output or graph.output[0].name, _PASSES)
    found = None
    if softmax is not None and softmax.op_type == "Softmax":
        found = back(softmax.input[0], _PASSES)
        if found is not None and found.op_type == "Add" and any(map(is_constant, found.input)):
            (summed,) = [each for each in found.input if not is_constant(each)] or [""]
            found = back(summed, _PASSES)
    if found is None or found.op_type not in {"Gemm", "MatMul"} or not is_constant(found.input[1]):
        ends = " after ".join(node.op_type for node in (softmax, found) if node is not None) or "nothing"
        raise TrainError(
            f"{name} cannot be learned on: its network ends in {ends}, and what can be is a linear layer (Gemm or MatMul) "
            "and a softmax. The embedded models end so: leave --base away, or name another"
        )
    return found


def features_of(graph: Any, last: Any, name: str) -> int:  # noqa: ANN401
    """Return how many numbers the last layer takes of a photo."""
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    makers = {made: node for node in graph.node for made in node.output}
    tensor, turned = last.input[1], False
    while tensor not in shapes and (node := makers.get(tensor)) is not None:
        if node.op_type == "Constant":
            shapes[tensor] = next(list(each.t.dims) for each in node.attribute if each.name == "value")
            break
        turned ^= node.op_type == "Transpose"
        tensor = node.input[0]
    shape = shapes.get(tensor, [])
    attributes = {each.name: each.i for each in last.attribute}
    if len(shape) != 2 or attributes.get("transA"):  # noqa: PLR2004
        raise TrainError(f"{name} cannot be learned on: its last layer is no plain one of numbers and weights")
    return int(shape[0 if turned == bool(attributes.get("transB")) else 1])
