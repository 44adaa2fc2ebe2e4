"""Model build: int8 graph -> [the same graph with a stem that a CPU likes better] -> bytes.

The stem looks at 3 x 3 pixels of 3 channels, 2 pixels apart: nine copies of three bytes for each of its outputs, then a
product of 27 numbers, which fills no register. Four pixels side by side are twelve channels without moving a byte, and two
outputs side by side are 64 channels: half as many products of 72 numbers, most of them with zero, and six copies of twelve
bytes. Sums of the same integers are the same whatever zeros stand between them, so every answer stays bit for bit what it was.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from _graph import INPUT

STEM = "stem"
PIXELS, OUTPUTS = 4, 2  # side by side in one block, going in and coming out
_KERNEL, _STRIDE, _RGB = 3, 2, 3


def pack_stem(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its first convolution packed; `model` has the graph that `_graph.int8_graph` makes.

    Raises:
        ValueError: its stem is another one.
    """
    packed = onnx.ModelProto()
    packed.CopyFrom(model)
    graph = packed.graph
    nodes = {node.name: node for node in graph.node}
    constants = {constant.name: constant for constant in graph.initializer}
    convolution = nodes[f"{STEM}/Conv"]
    shape = {a.name: list(a.ints) for a in convolution.attribute}
    expected = {"kernel_shape": [_KERNEL] * 2, "strides": [_STRIDE] * 2, "pads": [0, 0, 1, 1]}
    if any(shape[name] != value for name, value in expected.items()):
        raise ValueError(f"the stem is not the expected convolution: {shape}")

    weight = numpy_helper.to_array(constants[f"{STEM}.weight"])
    channels = len(weight)
    _replace(constants, f"{STEM}.weight", packed_weight(weight))
    for name in ("weight.scale", "weight.zero", "bias", "bias.scale"):
        old = numpy_helper.to_array(constants[f"{STEM}.{name}"])
        _replace(constants, f"{STEM}.{name}", np.tile(old, OUTPUTS))
    for attribute in convolution.attribute:
        if attribute.name in expected:
            new = {"kernel_shape": [_KERNEL, 2], "strides": [_STRIDE, 1], "pads": [0, 0, 1, 1]}
            attribute.ints[:] = new[attribute.name]

    # 0 keeps a side, whatever the photo's is
    blocks = _constant(graph, "blocks.shape", [0, 0, -1, PIXELS * _RGB])
    pixels = _constant(graph, f"{STEM}.shape", [0, 0, -1, channels])
    before = helper.make_node("Reshape", [INPUT, blocks], ["blocks"], name="blocks/Reshape")
    nodes["planes/Transpose"].input[0] = "blocks"
    stored = nodes[f"{STEM}.stored/QuantizeLinear"]
    stored.output[0] = f"{STEM}.packed"
    # Reshape in NHWC, where it moves nothing; ONNX Runtime works in NHWC anyway and drops the transposes around it
    after = [
        helper.make_node(
            "Transpose", [f"{STEM}.packed"], [f"{STEM}.last"], name=f"{STEM}.last/Transpose", perm=[0, 2, 3, 1]
        ),
        helper.make_node("Reshape", [f"{STEM}.last", pixels], [f"{STEM}.apart"], name=f"{STEM}.apart/Reshape"),
        helper.make_node(
            "Transpose", [f"{STEM}.apart"], [f"{STEM}.stored"], name=f"{STEM}.first/Transpose", perm=[0, 3, 1, 2]
        ),
    ]
    ordered = []
    for node in graph.node:
        ordered += [before, node] if node.name == "planes/Transpose" else [node]
        ordered += after if node.name == stored.name else []
    del graph.node[:]
    graph.node.extend(ordered)
    onnx.checker.check_model(packed, full_check=True)
    return packed


def packed_weight(weight: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the weights over blocks of pixels.

    Args:
        weight: int8, shape (channels, 3, 3, 3): output channel, RGB, row, column.

    Returns:
        int8, shape (2 * channels, 12, 3, 2): output column and channel, pixel of a block and RGB, row, block. An output needs
        its own block of four pixels and at most one of the next.
    """
    channels = len(weight)
    spread = np.zeros((OUTPUTS, channels, 2 * PIXELS, _RGB, _KERNEL), dtype=np.int8)
    for output in range(OUTPUTS):
        for column in range(_KERNEL):
            spread[output, :, _STRIDE * output + column] = weight[:, :, :, column]
    return np.ascontiguousarray(spread.reshape(OUTPUTS * channels, 2, PIXELS * _RGB, _KERNEL).transpose(0, 2, 3, 1))


def _replace(constants: dict[str, onnx.TensorProto], name: str, value: NDArray[np.generic]) -> None:
    constants[name].CopyFrom(numpy_helper.from_array(value, name))


def _constant(graph: onnx.GraphProto, name: str, value: list[int]) -> str:
    graph.initializer.append(numpy_helper.from_array(np.array(value, dtype=np.int64), name))
    return name
