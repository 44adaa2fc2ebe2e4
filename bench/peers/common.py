"""What every peer shares: the same model file, and the photo made into its input the way that most people write it.

Read from the environment: BENCH_BUNDLE, the folder with model.onnx and labels.txt; BENCH_PORT.
"""

import io
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image

SIZE, CROP = 224, 0.875  # px; fraction of the shorter side (the bundle's manifest)
PORT = int(os.environ.get("BENCH_PORT", "8000"))


def open_image(data: bytes) -> Image.Image:
    """Decode in full."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def preprocess(image: Image.Image) -> np.ndarray:
    """Centre crop, resize; uint8 (1, 224, 224, 3), which is what the model file takes."""
    image = image.convert("RGB")
    side = CROP * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    square = image.crop((round(left), round(top), round(left + side), round(top + side)))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC))[None]


class Classifier:
    """The model on one thread."""

    def __init__(self) -> None:
        bundle = Path(os.environ["BENCH_BUNDLE"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(bundle / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._labels = (bundle / "labels.txt").read_text(encoding="utf-8").splitlines()

    def infer_all(self, batch: np.ndarray) -> np.ndarray:
        """Return each photo's probabilities, float32 (N, 1000)."""
        return self._session.run(None, {self._input: batch})[0]

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
