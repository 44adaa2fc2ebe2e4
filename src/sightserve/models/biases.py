"""Quantise: weights that will be rounded -> [biases that make up for it]. Changes no speed and halves the divergence or better.

Source: Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019; means are measured.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from sightserve.models import graph as graphs
from sightserve.models.network import session_of

_LARGE: Final = 2**30  # bytes


def correct_biases(model: Any, photos: Sequence[NDArray[np.uint8]], scratch: Path, *, largest: int) -> None:
    """Add to each convolution's bias what the rounding of its weights will take from its mean output.

    Args:
        model: float32, changed in place.
        photos: (1, height, width, 3) each.
        scratch: folder for a file.
        largest: integer weight, as the quantiser will choose scales: one for each output channel.
    """
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type == "Conv" and node.input[1] in held]
    means = _channel_means(model, {node.input[0] for node in layers}, photos, scratch)
    for number, node in enumerate(layers):
        weights = numpy_helper.to_array(held[node.input[1]]).astype(np.float64)
        scale = np.abs(weights).reshape(len(weights), -1).max(axis=1).clip(1e-12) / largest
        scale = scale.reshape(-1, *[1] * (weights.ndim - 1))
        lost = (weights - np.round(weights / scale) * scale).reshape(*weights.shape[:2], -1).sum(axis=2)
        # (groups, channels out, channels in) x (groups, channels in)
        groups = next((each.i for each in node.attribute if each.name == "group"), 1)
        seen = means[node.input[0]].reshape(groups, -1)
        missing = np.einsum("goi,gi->go", lost.reshape(groups, -1, lost.shape[1]), seen).reshape(-1)
        bias = numpy_helper.to_array(held[node.input[2]]) if len(node.input) > 2 and node.input[2] in held else 0.0  # noqa: PLR2004
        if len(node.input) > 2 and node.input[2] not in held:  # noqa: PLR2004 - it is computed
            continue
        name = f"corrected_bias_{number}"  # one of its own: layers may share one
        model.graph.initializer.append(numpy_helper.from_array((bias + missing).astype(np.float32), name))
        del node.input[2:]
        node.input.append(name)


def _channel_means(
    model: Any, wanted: set[str], photos: Sequence[NDArray[np.uint8]], scratch: Path
) -> dict[str, NDArray[np.float64]]:
    """Return the mean of each channel of these tensors, (channels,), over photos."""
    names = sorted(wanted)
    watched = type(model)()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    for name in names:  # in the graph: whole tensors need not leave it
        rows = onnx.helper.make_node("GlobalAveragePool", [name], [f"{name}/mean"])
        watched.graph.node.append(rows)
        watched.graph.output.append(onnx.helper.make_tensor_value_info(f"{name}/mean", onnx.TensorProto.FLOAT, None))
    path = scratch / "watched.onnx"
    graphs.save(watched, path, external_above=_LARGE)
    session = session_of(path)
    photo_input = session.get_inputs()[0].name
    sums = {name: np.zeros(1) for name in names}
    for photo in photos:
        for name, mean in zip(names, session.run(None, {photo_input: photo}), strict=True):
            sums[name] = sums[name] + mean[0].reshape(-1)
    return {name: total / len(photos) for name, total in sums.items()}
