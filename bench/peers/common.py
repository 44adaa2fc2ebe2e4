"""What every peer shares: the same model file, and the photo made into its input the way that most people write it.

Read from the environment: BENCH_BUNDLE, the folder with model.onnx and labels.txt; BENCH_PORT.
"""

import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image

BUNDLE = Path(os.environ["BENCH_BUNDLE"])
LOOKS = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))["input"]
PORT = int(os.environ.get("BENCH_PORT", "8000"))


def open_image(data: bytes) -> Image.Image:
    """Decode in full."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def preprocess(image: Image.Image) -> np.ndarray:
    """Resize all of the photo, in its own shape; uint8 (1, height, width, 3), which is what the model file takes."""
    image = image.convert("RGB")
    shorter, multiple = LOOKS["shorter_side"], LOOKS["multiple"]
    ratio = min(max(image.size) / min(image.size), LOOKS["widest"])
    longer = max(shorter, int(shorter * ratio / multiple + 0.5) * multiple)
    size = (longer, shorter) if image.width >= image.height else (shorter, longer)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))[None]


class Classifier:
    """The model on one thread."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(BUNDLE / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._labels = (BUNDLE / "labels.txt").read_text(encoding="utf-8").splitlines()

    def infer_all(self, batch: np.ndarray) -> np.ndarray:
        """Return each photo's probabilities, float32 (N, 1000)."""
        return self._session.run(["probabilities"], {self._input: batch})[0]

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Return the only photo's probabilities, float32 (1000,)."""
        return self.infer_all(batch)[0]

    def answer(self, probabilities: np.ndarray) -> dict:
        """Return the five most probable classes."""
        best = np.argsort(probabilities)[::-1][:5]
        top = [{"label": self._labels[i], "probability": float(probabilities[i])} for i in best]
        return {"prediction": top[0]["label"], "top_k": top}

    def __call__(self, data: bytes) -> dict:
        """Classify one photo."""
        return self.answer(self.infer(preprocess(open_image(data))))
