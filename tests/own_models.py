"""Bundles as `sightserve model add` would make them, of small networks that see nothing but colour: made on the spot."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def network(
    classes: int, height: int = 32, width: int = 32, *, independent: bool = False, weights: np.ndarray | None = None
) -> bytes:
    """Return a graph that looks at a photo's mean colour.

    Args:
        classes: how many.
        height, width: of its input, px.
        independent: sigmoid instead of softmax.
        weights: logits = (red, green, blue, 1) x weights, channels from 0 to 1; at random where there are none.
    """
    if weights is None:
        weights = np.random.default_rng(7).normal(0, 6, (4, classes))
    weights = weights.astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["photos"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["sums"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["sums", "w"], ["scores"]),
        helper.make_node("Add", ["scores", "b"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"])
        if independent
        else helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colour",
        [helper.make_tensor_value_info("photos", TensorProto.UINT8, ["N", height, width, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(weights[:3] / np.float32(255), "w"), numpy_helper.from_array(weights[3], "b")],
    )
    model: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    return model


def write_own(
    directory: Path,
    labels: Sequence[str],
    *,
    size: tuple[int, int] = (32, 32),
    independent: bool = False,
    weights: np.ndarray | None = None,
    page: Mapping[str, Any] | None = None,
    samples: Mapping[str, bytes] | None = None,
    **changes: Any,
) -> Path:
    """Write a bundle of such a network.

    Args:
        directory: where to; its name is the model's.
        labels: in the network's order.
        size: height and width of its input, px.
        independent, weights: see `network`.
        page: what the page says of it.
        samples: photos that it brings, by title.
        changes: to other keys of the manifest.
    """
    directory.mkdir(parents=True)

    def written(name: str, content: bytes) -> dict[str, str]:
        (directory / name).write_bytes(content)
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest()}

    graph = network(len(labels), *size, independent=independent, weights=weights)
    manifest: dict[str, Any] = {
        "format": 2,
        "name": directory.name,
        "version": "1",
        "description": "tells photos apart by their colour",
        "model": written("model.onnx", graph),
        "labels": written("labels.txt", "".join(f"{label}\n" for label in labels).encode()),
        "classes": len(labels),
        "input": {"fit": "squash", "height": size[0], "width": size[1], "interpolation": "bilinear"},
        "output": {"meaning": "independent" if independent else "exclusive"},
        "source": "tests",
        "license": "MIT",
    }
    shown = [
        {"title": title, "photo": written(f"sample-{number}.jpg", photo)}
        for number, (title, photo) in enumerate((samples or {}).items())
    ]
    manifest["page"] = {**(page or {}), "samples": shown}
    (directory / "manifest.json").write_text(json.dumps(manifest | changes))
    return directory
