"""Data path: decode -> [uint8 batch -> probabilities] -> ranking. The only module that knows ONNX Runtime."""

import os
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import ModelError, ModelLoadError

# Before the import: with it alone, ONNX Runtime would already write an identifier for its telemetry into the home directory.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

ort.disable_telemetry_events()

_RGB: Final = 3


class Session:
    """A loaded model: uint8 RGB in, probabilities out. Safe to call from several threads at once."""

    def __init__(self, model: bytes, *, height: int, width: int, classes: int, threads: int = 1) -> None:
        """Load the model.

        Args:
            model: the ONNX file's bytes, verified by the bundle.
            height: of the input, in pixels, as the manifest promises.
            width: of the input, in pixels, as the manifest promises.
            classes: of the output, as the manifest promises.
            threads: intra-op threads of each call.

        Raises:
            ModelLoadError: no ONNX model, or one whose input or output is not what the manifest promises.
        """
        try:
            self._session = ort.InferenceSession(model, _options(threads), providers=["CPUExecutionProvider"])
        except Exception as exc:  # ONNX Runtime's exceptions share no base class
            raise ModelLoadError(f"ONNX Runtime cannot load the model: {exc}") from exc
        self._shape = (height, width, _RGB)
        self._input = _check(self._session.get_inputs(), "input", "tensor(uint8)", [height, width, _RGB])
        self._output = _check(self._session.get_outputs(), "output", "tensor(float)", [classes])

    def warm_up(self) -> None:
        """Run once on a black image: the first call allocates, better before the first person waits for it."""
        self.infer(np.zeros((1, *self._shape), dtype=np.uint8))

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return each image's class probabilities, float32, shape (N, classes), for uint8 RGB of shape (N, H, W, 3).

        Raises:
            ModelError: the model failed.
        """
        try:
            (probabilities,) = self._session.run([self._output], {self._input: batch})
        except Exception as exc:
            raise ModelError(f"inference failed: {exc}") from exc
        result: NDArray[np.float32] = probabilities
        return result


def _options(threads: int) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning thread answers the next call some microseconds sooner and takes a whole core from its neighbours for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors: what is logged below that is addressed to ONNX Runtime's developers
    return options


def _check(tensors: list[Any], what: str, dtype: str, shape: list[int]) -> str:
    """Return the name of the model's only input or output, whose shape is (N, *shape)."""
    expected = f"one {what} of {dtype} with shape {['N', *shape]}"
    if len(tensors) != 1 or tensors[0].type != dtype or list(tensors[0].shape[1:]) != shape:
        found = ", ".join(f"{t.name}: {t.type} {t.shape}" for t in tensors)
        raise ModelLoadError(f"the manifest promises {expected}, the model has {found}")
    name: str = tensors[0].name
    return name
