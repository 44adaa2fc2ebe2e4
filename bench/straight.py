"""The straightforward path, measured beside ours: full Pillow decode, resize, float32 preprocessing, the same int8 graph.

It is what a model exported from a training framework asks for: normalised float32 NCHW in; quantising is the graph's first
node. `peers/straight/make_float_model.py` puts that node in front of the embedded model: the weights are the same.
"""

import io
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image

from sightserve.imaging.geometry import Geometry


class Straight:
    """Classifies one image the way that most servers do."""

    def __init__(self, model: Path, labels: tuple[str, ...], geometry: Geometry) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._labels = labels
        self._geometry = geometry  # which size; the pixels are made here

    def classify(self, data: bytes) -> list[tuple[str, float]]:
        """Return the five most probable labels."""
        with Image.open(io.BytesIO(data)) as image:
            photo = image.convert("RGB")
        size = self._geometry.place(*photo.size).size
        pixels = np.asarray(photo.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
        batch = ((pixels - 127) / 128).transpose(2, 0, 1)[None]
        (probabilities,) = self._session.run(["probabilities"], {"photo": np.ascontiguousarray(batch)})
        best = np.argsort(probabilities[0])[::-1][:5]
        return [(self._labels[i], float(probabilities[0][i])) for i in best]
