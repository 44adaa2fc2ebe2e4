"""Data path: decode -> [uint8 batch -> outputs by name] -> ranking. What an engine is; `onnx_engine.py` is one."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

PROBABILITIES: Final = "probabilities"  # the output that every model has: float32, shape (N, classes)
FEATURES: Final = "features"  # of those that have heat maps: the last feature map, shape (N, rows, columns, channels)

Outputs = Mapping[str, NDArray[Any]]


class Engine(Protocol):
    """A loaded model: photos of one size in, everything that it says of them out."""

    def infer(self, batch: NDArray[np.uint8], *, features: bool = False) -> Outputs:
        """Return the model's outputs by name, N first, for uint8 RGB of shape (N, H, W, 3).

        Safe to call from several threads at once.

        Args:
            batch: the photos, as many as there are: an engine whose model takes fewer at once calls it several times.
            features: whether these are wanted too; only of a model that has them.

        Raises:
            ModelError: the model failed.
        """


class ClassMap(Protocol):
    """What makes class activation maps of a model's features."""

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return each cell's share of each logit, (N, rows, columns, classes), for features (N, rows, columns, channels).

        Raises:
            ModelError: the graph failed.
        """
