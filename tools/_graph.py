"""Model build: network -> [ONNX graph], in float32 or in int8 (QDQ format). Photos in, probabilities and features out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from _network import INPUT_SCALE, INPUT_ZERO, Conv, Float, Network

INPUT, OUTPUT = "image", "probabilities"
FEATURES = "features"  # the last feature map as it is stored: (N, rows, columns, channels)
CLASS_MAP = "class_map"  # how much each of its cells adds to each logit: (N, rows, columns, classes)
OPSET, IR_VERSION = 17, 8  # old enough for any ONNX Runtime of the last years; newer opsets give the same kernels


@dataclass(frozen=True)
class Range:
    """How a uint8 tensor stands for real numbers: real = scale * (stored - zero)."""

    scale: np.float32
    zero: int


@dataclass(frozen=True)
class IntLayer:
    """Integer weights of one layer: real weight = scale[channel] * weight, real bias = input scale * scale * bias."""

    weight: NDArray[np.int8]
    scale: NDArray[np.float32]  # (out,)
    bias: NDArray[np.int32]  # (out,)


@dataclass(frozen=True)
class Quantised:
    """What int8 inference needs beside the network's structure."""

    layers: dict[str, IntLayer]  # by Conv name, and "classifier"
    ranges: dict[str, Range]  # by Conv name (after ReLU6), "<name>.sum" (after the addition), "pool"


class _Graph:
    """Collects nodes and constants; every method returns the name of the tensor that it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"{output}/{op}", **attributes))
        return output

    def dequantise(self, stored: str, name: str, value: Range) -> str:
        """Add the real numbers that a stored uint8 tensor stands for."""
        scale = self.constant(f"{name}.scale", np.float32(value.scale))
        zero = self.constant(f"{name}.zero", np.uint8(value.zero))
        return self.node("DequantizeLinear", [stored, scale, zero], f"{name}.real")

    def requantise(self, real: str, name: str, value: Range) -> str:
        """Add a round trip through uint8: what lies outside of the range is clipped to it."""
        scale = self.constant(f"{name}.scale", np.float32(value.scale))
        zero = self.constant(f"{name}.zero", np.uint8(value.zero))
        stored = self.node("QuantizeLinear", [real, scale, zero], f"{name}.stored")
        return self.node("DequantizeLinear", [stored, scale, zero], f"{name}.real")

    def int_layer(self, name: str, layer: IntLayer, input_scale: np.float32) -> tuple[str, str]:
        """Add a layer's weight and bias as real numbers that the runtime folds into an integer kernel."""
        zero = np.zeros(len(layer.scale), dtype=np.int8)
        weight = self.constant(f"{name}.weight", layer.weight)
        scales = self.constant(f"{name}.weight.scale", layer.scale)
        zeros = self.constant(f"{name}.weight.zero", zero)
        bias = self.constant(f"{name}.bias", layer.bias)
        bias_scales = self.constant(f"{name}.bias.scale", (layer.scale * input_scale).astype(np.float32))
        return (
            self.node("DequantizeLinear", [weight, scales, zeros], f"{name}.weight.real", axis=0),
            self.node("DequantizeLinear", [bias, bias_scales], f"{name}.bias.real", axis=0),
        )

    def float_layer(self, name: str, weight: Float, bias: Float) -> tuple[str, str]:
        """Add a layer's weight and bias as they are."""
        return self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)

    def convolution(self, conv: Conv, inputs: list[str], output: str) -> str:
        kernel = list(conv.weight.shape[2:])
        strides = [conv.stride, conv.stride]
        return self.node(
            "Conv", inputs, output, kernel_shape=kernel, strides=strides, pads=list(conv.pads), group=conv.groups
        )

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="sightserve", ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


_tensor = helper.make_tensor_value_info


def _classifier(graph: _Graph, network: Network, features: int) -> onnx.ModelProto:
    """Return the model of a graph that takes photos and gives probabilities and features of this type."""
    classes, channels = network.classifier_weight.shape
    photos = _tensor(INPUT, TensorProto.UINT8, ["batch", "height", "width", 3])
    probabilities = _tensor(OUTPUT, TensorProto.FLOAT, ["batch", classes])
    cells = _tensor(FEATURES, features, ["batch", "rows", "columns", channels])
    return graph.model(network.name, [photos], [probabilities, cells])


def float_graph(network: Network) -> onnx.ModelProto:
    """Build the float32 network, the reference that int8 is measured against."""
    graph = _Graph()
    real = graph.node("Cast", [INPUT], "pixels", to=TensorProto.FLOAT)
    real = graph.node("Sub", [real, graph.constant("input.zero", np.float32(INPUT_ZERO))], "centred")
    real = graph.node("Mul", [real, graph.constant("input.scale", np.float32(INPUT_SCALE))], "scaled")
    real = graph.node("Transpose", [real], "planes", perm=[0, 3, 1, 2])
    low, high = graph.constant("zero", np.float32(0)), graph.constant("six", np.float32(6))
    outputs: dict[str, str] = {}
    for conv in network.convs:
        weight, bias = graph.float_layer(conv.name, conv.weight, conv.bias)
        real = graph.convolution(conv, [real, weight, bias], conv.name)
        if conv.relu6:
            real = graph.node("Clip", [real, low, high], f"{conv.name}.relu6")
        if conv.adds:
            real = graph.node("Add", [real, outputs[conv.adds]], f"{conv.name}.sum")
        outputs[conv.name] = real
    graph.node("Transpose", [real], FEATURES, perm=[0, 2, 3, 1])
    real = graph.node("GlobalAveragePool", [real], "pool")
    real = graph.node("Flatten", [real], "pooled")
    weight, bias = graph.float_layer("classifier", network.classifier_weight, network.classifier_bias)
    real = graph.node("Gemm", [real, weight, bias], "logits", transB=1)
    graph.node("Softmax", [real], OUTPUT, axis=-1)
    return _classifier(graph, network, TensorProto.FLOAT)


def int8_graph(network: Network, quantised: Quantised, exact: frozenset[str] = frozenset()) -> onnx.ModelProto:
    """Build the int8 network in QDQ format.

    The input needs no quantisation: the photo's bytes, with scale 1/128 and zero point 127, are the quantised tensor.
    There is no Clip either: a range of [0, 6] makes quantisation itself the ReLU6.

    Args:
        network: the float32 network.
        quantised: its integer weights and ranges.
        exact: names of layers that keep their float32 weights and kernels.
    """
    graph = _Graph()
    current = Range(np.float32(INPUT_SCALE), INPUT_ZERO)
    planes = graph.node("Transpose", [INPUT], "planes", perm=[0, 3, 1, 2])
    real = graph.dequantise(planes, "input", current)
    outputs: dict[str, str] = {}
    for conv in network.convs:
        if conv.name in exact:
            weight, bias = graph.float_layer(conv.name, conv.weight, conv.bias)
        else:
            weight, bias = graph.int_layer(conv.name, quantised.layers[conv.name], current.scale)
        current = quantised.ranges[conv.name]
        real = graph.requantise(graph.convolution(conv, [real, weight, bias], conv.name), conv.name, current)
        if conv.adds:
            total = f"{conv.name}.sum"
            current = quantised.ranges[total]
            real = graph.requantise(graph.node("Add", [real, outputs[conv.adds]], total), total, current)
        outputs[conv.name] = real
    # the stored integers, channels last as ONNX Runtime works: nothing is computed or moved for it
    graph.node("Transpose", [f"{network.convs[-1].name}.stored"], FEATURES, perm=[0, 2, 3, 1])
    current = quantised.ranges["pool"]
    scale = graph.constant("pool.scale", np.float32(current.scale))
    zero = graph.constant("pool.zero", np.uint8(current.zero))
    real = graph.node("GlobalAveragePool", [real], "pool")
    # flattened while it is still stored as integers, or the classifier would not become an integer kernel
    stored = graph.node("QuantizeLinear", [real, scale, zero], "pool.stored")
    stored = graph.node("Flatten", [stored], "pooled")
    real = graph.node("DequantizeLinear", [stored, scale, zero], "pooled.real")
    if "classifier" in exact:
        weight, bias = graph.float_layer("classifier", network.classifier_weight, network.classifier_bias)
    else:
        weight, bias = graph.int_layer("classifier", quantised.layers["classifier"], current.scale)
    real = graph.node("Gemm", [real, weight, bias], "logits", transB=1)
    graph.node("Softmax", [real], OUTPUT, axis=-1)
    return _classifier(graph, network, TensorProto.UINT8)


def class_map_graph(network: Network, quantised: Quantised) -> onnx.ModelProto:
    """Build what makes a class activation map of the int8 network's features: its classifier, applied to each cell.

    The sum over the cells is the logit: the average and the classifier are both linear, so they may change places. A graph of
    its own, because in the first it would be worked out for everybody, and costs a tenth of all else.
    Source: Zhou et al., "Learning deep features for discriminative localization", 2016.
    """
    graph = _Graph()
    layer, stored = quantised.layers["classifier"], quantised.ranges[network.convs[-1].name]
    classes, channels = layer.weight.shape
    real = graph.dequantise(FEATURES, "features", stored)
    shape = graph.node("Shape", [FEATURES], "sizes")
    rows = graph.constant("rows", np.array([-1, channels], dtype=np.int64))
    real = graph.node("Reshape", [real, rows], "cells")
    weight = graph.constant("classifier.weight", layer.weight)
    scale = graph.constant("classifier.weight.scale", layer.scale)
    zero = graph.constant("classifier.weight.zero", np.zeros(classes, dtype=np.int8))
    weight = graph.node("DequantizeLinear", [weight, scale, zero], "classifier.weight.real", axis=0)
    real = graph.node("Gemm", [real, weight], "weighed", transB=1)
    bias = layer.bias * layer.scale * quantised.ranges["pool"].scale
    real = graph.node("Add", [real, graph.constant("classifier.bias", bias.astype(np.float32))], "scores")
    starts, ends = graph.constant("first", np.array([1])), graph.constant("last", np.array([3]))
    count = graph.node("ReduceProd", [graph.node("Slice", [shape, starts, ends], "sides")], "count")
    real = graph.node("Div", [real, graph.node("Cast", [count], "number", to=TensorProto.FLOAT)], "shares")
    places = graph.node("Slice", [shape, graph.constant("start", np.array([0])), ends], "places")
    places = graph.node("Concat", [places, graph.constant("classes", np.array([classes]))], "all", axis=0)
    graph.node("Reshape", [real, places], CLASS_MAP)
    cells = _tensor(FEATURES, TensorProto.UINT8, ["batch", "rows", "columns", channels])
    return graph.model(
        "class-map", [cells], [_tensor(CLASS_MAP, TensorProto.FLOAT, ["batch", "rows", "columns", classes])]
    )
