"""Tiny classifiers made on the spot: of the mean colour of a photo, sound or broken in one way, and bundles of them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Ending = Literal["softmax", "sigmoid", "logits", "nan", "over_batch", "constant"]

SIDE = 8  # px
COLOURS = ("red", "green", "blue")
LIGHT = ("dark", "bright")
_OPSET = 17
_IR = 9


def network(
    labels: Sequence[str] = COLOURS,
    *,
    batch: int | str = "N",
    ending: Ending = "softmax",
    blocks: int = 0,
    slow: int = 0,
    side: int = SIDE,
) -> onnx.ModelProto:
    """A graph that says which of `labels` the mean colour of a photo is.

    `batch` is its first dimension; a number fixes it, in a Reshape too. `ending`: `over_batch` is softmax over the wrong axis,
    `constant` says the same of every photo. `blocks` pads it with layers of 1024 x 1024 that change nothing but take memory,
    `slow` appends as many multiplications that take some 5 ms each.
    """
    # rows: red, green, blue; the light of a photo is what they have in common
    weights = np.eye(3) if len(labels) != 2 else np.array([[-1.0, 1.0]] * 3)
    weights = np.pad(weights, ((0, 0), (0, max(0, len(labels) - weights.shape[1]))))[:, : len(labels)] / 8
    bias = np.array([48.0, -48.0]) if len(labels) == 2 else np.zeros(len(labels))
    constants = {"weights": weights, "bias": bias, "zero": np.zeros(1)}
    nodes = [
        helper.make_node("Cast", ["photos"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1, 2], keepdims=0),
    ]
    last = "mean"
    if isinstance(batch, int):
        constants["shape"] = np.array([batch, 3], dtype=np.int64)
        nodes.append(helper.make_node("Reshape", [last, "shape"], ["fixed"]))
        last = "fixed"
    if blocks or slow:
        nodes, last = _heavy(nodes, last, constants, blocks, slow)
    if ending == "constant":
        nodes.append(helper.make_node("Mul", [last, "zero"], ["nothing"]))
        last = "nothing"
    nodes += [
        helper.make_node("MatMul", [last, "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    match ending:
        case "sigmoid":
            nodes.append(helper.make_node("Sigmoid", ["logits"], ["probabilities"]))
        case "logits":
            nodes.append(helper.make_node("Identity", ["logits"], ["probabilities"]))
        case "nan":  # of what is not black: 0 x infinity
            constants["endless"] = np.array([np.inf])
            nodes += [
                helper.make_node("Sub", ["logits", "bias"], ["shifted"]),
                helper.make_node("Mul", ["shifted", "endless"], ["broken"]),
                helper.make_node("Softmax", ["broken"], ["probabilities"], axis=1),
            ]
        case "over_batch":
            nodes.append(helper.make_node("Softmax", ["logits"], ["among"], axis=0))
            nodes.append(helper.make_node("ReduceSum", ["among", "axis"], ["total"], keepdims=1))
            constants["axis"] = np.array([1], dtype=np.int64)
            nodes.append(helper.make_node("Div", ["among", "total"], ["probabilities"]))
        case _:
            nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
    made = [
        numpy_helper.from_array(value if value.dtype == np.int64 else value.astype(np.float32), name)
        for name, value in constants.items()
    ]
    inputs = [helper.make_tensor_value_info("photos", TensorProto.UINT8, [batch, side, side, 3])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, len(labels)])]
    graph = helper.make_graph(nodes, "colours", inputs, outputs, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    onnx.checker.check_model(model)
    return model


def _heavy(nodes: list[Any], last: str, constants: dict[str, Any], blocks: int, slow: int) -> tuple[list[Any], str]:
    """Append the layers: a vector of 1024 numbers, zeros but for three, comes out of each as it went in."""
    constants["wider"], constants["narrower"] = np.eye(3, 1024), np.eye(1024, 3)
    nodes.append(helper.make_node("MatMul", [last, "wider"], ["wide"]))
    last = "wide"
    noise = np.random.default_rng(7)
    for number in range(max(1, blocks)):
        square = noise.random((1024, 1024))
        square[:3] = np.eye(3, 1024)  # what is not zero goes through these rows alone
        constants[f"square{number}"] = square
        nodes.append(helper.make_node("MatMul", [last, f"square{number}"], [f"wide{number}"]))
        last = f"wide{number}"
    if slow:
        constants |= {"one": np.array([1], dtype=np.int64), "many": np.array([1, 256, 1024], dtype=np.int64)}
        nodes.append(helper.make_node("Unsqueeze", [last, "one"], ["row"]))
        nodes.append(helper.make_node("Expand", ["row", "many"], ["slow0"]))
        nodes += [helper.make_node("MatMul", [f"slow{n}", "square0"], [f"slow{n + 1}"]) for n in range(slow)]
        nodes.append(helper.make_node("ReduceMean", [f"slow{slow}"], ["again"], axes=[1], keepdims=0))
        last = "again"
    nodes.append(helper.make_node("MatMul", [last, "narrower"], ["narrow"]))
    return nodes, "narrow"


def write(
    directory: Path,
    labels: Sequence[str] = COLOURS,
    *,
    model: onnx.ModelProto | None = None,
    outside: bool = False,
    **changes: Any,
) -> Path:
    """Write a bundle; `outside` keeps weights in a file of their own, `changes` replace keys of the manifest."""
    directory.mkdir(parents=True)
    model = model or network(labels)
    onnx.save_model(
        model, directory / "model.onnx", save_as_external_data=outside, location="model.onnx.data", size_threshold=1024
    )
    (directory / "labels.txt").write_text("\n".join(labels) + "\n")
    height, width = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[1:3])
    manifest = {
        "format": 2,
        "name": directory.name,
        "version": "1",
        "description": "says which colour a photo has",
        "model": _ref(directory / "model.onnx"),
        "external_data": [_ref(directory / "model.onnx.data")] if outside else [],
        "labels": _ref(directory / "labels.txt"),
        "classes": len(labels),
        "input": {"fit": "squash", "height": height, "width": width, "interpolation": "bilinear"},
        "source": "tests",
        "license": "MIT",
    }
    (directory / "manifest.json").write_text(json.dumps(manifest | changes))
    return directory


def _ref(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
