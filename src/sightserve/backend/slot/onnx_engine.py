"""The engine that runs ONNX models. The only module that knows ONNX Runtime."""

import os
from collections.abc import Mapping
from mmap import mmap
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import ModelError, ModelLoadError
from sightserve.backend.slot.engine import PROBABILITIES

# Before the import: with it alone, ONNX Runtime would already write an identifier for its telemetry into the home directory.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

ort.disable_telemetry_events()

Content = bytes | mmap
_RGB: Final = 3
_NO_FILE: Final = "-"


class OnnxEngine:
    """An `engine.Engine` on ONNX Runtime."""

    def __init__(
        self,
        graph: Content,
        external: Mapping[str, Content] = MappingProxyType({}),
        *,
        height: int,
        width: int,
        classes: int,
        threads: int = 1,
    ) -> None:
        """Load the model.

        Args:
            graph: the ONNX file's bytes, verified by the bundle.
            external: those of the files in which it keeps weights, by the names that it has for them.
            height: of the input, in pixels, as the manifest promises.
            width: of the input, in pixels, as the manifest promises.
            classes: of the output, as the manifest promises.
            threads: intra-op threads of each call.

        Raises:
            ModelLoadError: no ONNX model, or one whose input or output is not what the manifest promises.
        """
        options = _options(threads)
        # Always some: with none, ONNX Runtime would look for a graph's external data in the folder that we happen to run in.
        files = {_NO_FILE: b"\0", **external}
        options.add_external_initializers_from_files_in_memory(
            list(files), list(files.values()), list(map(len, files.values()))
        )
        try:
            self._session = ort.InferenceSession(bytes(graph), options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # ONNX Runtime's exceptions share no base class
            raise ModelLoadError(f"ONNX Runtime cannot load the model: {exc}") from exc
        self._shape = (height, width, _RGB)
        inputs = self._session.get_inputs()
        self._input = _one(inputs, "input", "tensor(uint8)", [height, width, _RGB])
        if len(inputs) != 1:
            raise ModelLoadError(f"the model wants {len(inputs)} inputs: {', '.join(tensor.name for tensor in inputs)}")
        self._probabilities = _one(self._session.get_outputs(), "output", "tensor(float)", [classes])

    def warm_up(self) -> None:
        """Run once on a black image: the first call allocates, better before the first person waits for it."""
        self.infer(np.zeros((1, *self._shape), dtype=np.uint8))

    def infer(self, batch: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """See `Engine`: the probabilities, under that name, whatever the graph calls them."""
        try:
            (probabilities,) = self._session.run([self._probabilities], {self._input: batch})
        except Exception as exc:
            raise ModelError(f"inference failed: {exc}") from exc
        return {PROBABILITIES: probabilities}


def _options(threads: int) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning thread answers the next call some microseconds sooner and takes a whole core from its neighbours for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors: what is logged below that is addressed to ONNX Runtime's developers
    return options


def _one(tensors: list[Any], what: str, dtype: str, shape: list[int]) -> str:
    """Return the name of the only one of the model's inputs or outputs whose type and shape (N, *shape) are these."""
    found = [tensor.name for tensor in tensors if tensor.type == dtype and list(tensor.shape[1:]) == shape]
    if len(found) != 1:
        has = ", ".join(f"{t.name}: {t.type} {t.shape}" for t in tensors)
        raise ModelLoadError(
            f"the manifest promises one {what} of {dtype} with shape {['N', *shape]}, the model has {has}"
        )
    name: str = found[0]
    return name
