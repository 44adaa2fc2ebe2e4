"""Data path: decode -> [uint8 batch -> outputs by name] -> ranking. What an engine is; `onnx_engine.py` is one."""

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

PROBABILITIES: Final = "probabilities"  # the output that every model has: float32, shape (N, classes)


class Engine(Protocol):
    """A loaded model: photos of its input's size in, everything that it says of them out."""

    def infer(self, batch: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
        """Return the model's outputs by name, each float32 with N first, for uint8 RGB of shape (N, H, W, 3).

        Safe to call from several threads at once.

        Raises:
            ModelError: the model failed.
        """
