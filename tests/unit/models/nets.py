"""Small classifiers of every kind of interface: what they say depends on where in a photo which colour is, and on its scale."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CELLS = 4  # a side


def network(
    path: Path,
    *,
    layout: str = "NCHW",
    colours: int = 3,
    sides: tuple[int, int] = (32, 32),
    free_sides: bool = False,
    classes: int = 5,
    dtype: int = TensorProto.FLOAT,
    batch: int | str = "N",
    reshape: str = "Flatten",
    activation: str | None = None,
    features: bool = False,
    opset: int = 17,
    gain: float = 8.0,
    nan: bool = False,
    seed: int = 3,
    metadata: dict[str, str] | None = None,
    external: bool = False,
) -> Path:
    """Write a classifier: means of 4 x 4 cells, times random weights, and what comes after.

    `reshape`: Flatten, or Reshape, with the batch written into its shape as exporters do.
    """
    height, width = sides
    random = np.random.default_rng(seed)
    weights = (random.normal(size=(colours * CELLS * CELLS, classes)) * gain / (colours * CELLS)).astype(np.float32)
    if nan:
        weights[0, 0] = np.nan
    planes = ["photo"]
    nodes: list[Any] = []
    kind = TensorProto.FLOAT
    if dtype != kind:
        nodes.append(helper.make_node("Cast", planes, ["numbers"], to=kind))
        planes = ["numbers"]
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", planes, ["planes"], perm=[0, 3, 1, 2]))
        planes = ["planes"]
    if free_sides:
        nodes.append(helper.make_node("GlobalAveragePool", planes, ["pooled"]))
        weights = weights[:colours]
    else:
        cell = [height // CELLS, width // CELLS]
        nodes.append(helper.make_node("AveragePool", planes, ["pooled"], kernel_shape=cell, strides=cell))
    constants = [numpy_helper.from_array(weights, "weights")]
    if reshape == "Flatten":
        nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"], axis=1))
    else:
        shape = np.array([batch if isinstance(batch, int) else -1, weights.shape[0]], dtype=np.int64)
        constants.append(numpy_helper.from_array(shape, "shape"))
        nodes.append(helper.make_node("Reshape", ["pooled", "shape"], ["flat"]))
    last = "scores" if activation else "out"
    nodes.append(helper.make_node("MatMul", ["flat", "weights"], [last]))
    if activation:
        axis: dict[str, Any] = {"axis": 1} if activation == "Softmax" else {}
        nodes.append(helper.make_node(activation, [last], ["out"], **axis))
    shape_in: list[int | str] = ["height", "width"] if free_sides else [height, width]
    shape_in = [colours, *shape_in] if layout == "NCHW" else [*shape_in, colours]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, classes])]
    if features:
        outputs.insert(0, helper.make_tensor_value_info("flat", TensorProto.FLOAT, [batch, weights.shape[0]]))
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("photo", dtype, [batch, *shape_in])],
        outputs,
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    for key, value in (metadata or {}).items():
        model.metadata_props.add(key=key, value=value)
    if external:
        onnx.save(model, str(path), save_as_external_data=True, location=f"{path.name}.data", size_threshold=0)
    else:
        onnx.save(model, str(path))
    return path
