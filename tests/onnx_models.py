"""Small ONNX classifiers, made on the spot with the onnx package: what exporters of all kinds write, with weights of our own.

Each photo's classes are a linear function of its mean colour, so that answers differ, and what they must be can be computed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET = 11  # the last with axes as attributes of all that is used here
Layout = Literal["NCHW", "NHWC"]
Head = Literal["logits", "softmax", "sigmoid", "zip map", "map"]


def weights(classes: int, channels: int = 3) -> NDArray[np.float32]:
    """Return the linear layer, (channels, classes): each class likes another mixture of colours."""
    return np.random.default_rng(7).normal(0, 4, (channels, classes)).astype(np.float32)


def classifier(
    *,
    classes: int = 3,
    size: tuple[int | str, int | str] = (8, 8),
    batch: int | str = "batch",
    channels: int = 3,
    layout: Layout = "NCHW",
    head: Head = "logits",
    labels: Sequence[str] = (),
    ir: int = 8,
    dtype: int = TensorProto.FLOAT,
    producer: str = "pytorch",
    metadata: Mapping[str, str] = {},
    outputs: Sequence[str] = ("output",),
    input_name: str = "input",
) -> onnx.ModelProto:
    """Return a classifier of photos.

    Args:
        classes: how many.
        size: height and width, px; a word where they are free.
        batch: photos at once; a word where any number will do.
        channels: that it takes.
        layout: of its input.
        head: what its output is; `map` gives a number for each place and class, as a detector does.
        labels: of a `zip map`.
        ir: version of the file.
        dtype: of its input.
        producer: name of what wrote it.
        metadata: that the exporter wrote into it.
        outputs: names; those after the first are the mean colours.
        input_name: of its input.
    """
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    shape: list[int | str] = [batch, channels, *size] if layout == "NCHW" else [batch, *size, channels]
    nodes = [helper.make_node("Cast", [input_name], ["numbers"], to=TensorProto.FLOAT)]
    nodes.append(helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=axes, keepdims=0))
    nodes.append(helper.make_node("MatMul", ["mean", "w"], ["scores"]))
    last = outputs[0]
    value = helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, classes])
    imports = [helper.make_opsetid("", _OPSET)]
    match head:
        case "logits":
            nodes.append(helper.make_node("Identity", ["scores"], [last]))
        case "softmax":
            nodes.append(helper.make_node("Softmax", ["scores"], [last], axis=1))
        case "sigmoid":
            nodes.append(helper.make_node("Sigmoid", ["scores"], [last]))
        case "map":
            nodes.append(helper.make_node("Unsqueeze", ["scores"], [last], axes=[2]))
            value = helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, classes, 8400])
        case "zip map":
            nodes.append(helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1))
            table = helper.make_node("ZipMap", ["probabilities"], [last], domain="ai.onnx.ml")
            table.attribute.append(helper.make_attribute("classlabels_strings", list(labels)))
            nodes.append(table)
            imports.append(helper.make_opsetid("ai.onnx.ml", 1))
            entry = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
            value = helper.make_value_info(last, helper.make_sequence_type_proto(entry))
    more = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels]) for name in outputs[1:]]
    nodes += [helper.make_node("Identity", ["mean"], [name]) for name in outputs[1:]]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(input_name, dtype, shape)],
        [value, *more],
        [numpy_helper.from_array(weights(classes, channels), "w")],
    )
    model = helper.make_model(graph, opset_imports=imports, ir_version=ir, producer_name=producer)
    helper.set_model_props(model, dict(metadata))
    return model


def save(model: onnx.ModelProto, path: Path, *, external: str | None = None) -> Path:
    """Write a model, its weights in another file beside it where that is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if external:
        onnx.save(
            model, str(path), save_as_external_data=True, location=external, size_threshold=0, convert_attribute=False
        )
    else:
        onnx.save(model, str(path))
    return path


def ultralytics(classes: Sequence[str] = ("cat", "dog", "owl"), size: int = 8, **changes: str) -> onnx.ModelProto:
    """Return what Ultralytics' exporter writes of a classifier (8.4): one photo at once, softmax inside."""
    said = {
        "description": "Ultralytics YOLO11n-cls model trained on /home/somebody/pets",
        "author": "Ultralytics",
        "version": "8.4.190",
        "license": "AGPL-3.0 License (https://ultralytics.com/license)",
        "stride": "1",
        "task": "classify",
        "batch": "1",
        "imgsz": f"[{size}, {size}]",
        "names": str(dict(enumerate(classes))),
        "channels": "3",
        "args": "{'batch': 1, 'half': False, 'dynamic': False}",
    }
    return classifier(
        classes=len(classes), size=(size, size), batch=1, head="softmax", input_name="images", metadata=said | changes
    )
