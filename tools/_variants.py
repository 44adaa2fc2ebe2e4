"""Model build: what the embedded model is measured against."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization

from _graph import INPUT, float_graph
from _network import Network
from _photos import Photos
from _quantise import Options

PLAIN = Options(ranges="largest", rounding="nearest", refit=False, correct_bias=False)

OPTIONS = {
    "plain: largest values, nearest integers": PLAIN,
    "+ bias correction": Options(ranges="largest", rounding="nearest", refit=False),
    "+ ranges by percentile 99.99": Options(ranges="percentile", rounding="nearest", refit=False),
    "+ ranges by least error": Options(rounding="nearest", refit=False),
    "+ weights refitted": Options(rounding="nearest"),
    "+ compensating rounding, not refitted": Options(refit=False),
    "both (shipped)": Options(),
    "shipped, damping 0.1": Options(damping=0.1),
    "shipped, 8-bit weights": Options(weight_limit=127),
}

# The shipped one with layers that keep their float32 kernels.
EXACT: dict[str, Callable[[str], bool]] = {
    "shipped, stem in float32": lambda layer: layer == "stem",
    "shipped, classifier in float32": lambda layer: layer == "classifier",
    "shipped, depthwise in float32": lambda layer: layer.endswith(".depthwise"),
}


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._photos = iter(pixels)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        photo = next(self._photos, None)
        return None if photo is None else {INPUT: photo[None]}


def runtime_quantised(network: Network, photos: Photos, method: str) -> bytes:
    """Quantise the float32 graph with ONNX Runtime's tool, per channel, with `reduce_range`, uint8 and int8.

    The histogram methods keep every tensor of every photo in memory, so they see 40 photos.
    """
    pixels = photos.pixels if method == "MinMax" else photos.pixels[::5]
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory) / "float32.onnx", Path(directory) / "int8.onnx"
        onnx.save(float_graph(network), source)
        quantization.quantize_static(
            source,
            target,
            _Reader(pixels),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod[method],
        )
        return target.read_bytes()
