"""Data path: session -> [probabilities -> ranked labels] -> response."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import ModelOutputError

_ROUNDING = 1e-3  # how far float32 rounding may carry a sum of 1,000 probabilities from 1


@dataclass(frozen=True, slots=True)
class Ranked:
    """One class and how probable it is: an `api.schema.RankedLabel`, without the import, which slots do not wait for."""

    index: int
    label: str
    probability: float


def top_k(probabilities: NDArray[np.float32], labels: tuple[str, ...], k: int) -> list[Ranked]:
    """Return the k most probable classes, most probable first; ties go to the lower index.

    Args:
        probabilities: one image's class probabilities (no unit, 0 to 1), shape (classes,).
        labels: class names in the model's order, as many as classes.
        k: how many to return, 1 <= k <= classes.

    Raises:
        ModelOutputError: a value is NaN or outside 0 to 1: a broken model never becomes a confident answer.
    """
    # Two reductions see every way out of the range; a NaN fails both comparisons.
    if not (probabilities.min() >= 0 and probabilities.max() <= 1 + _ROUNDING):
        raise ModelOutputError("the model returned NaN or a value that is no probability")
    # Everything at least as probable as the k-th, then an exact sort of those few: sorting all 1,000 classes to show
    # five costs more than the rest of this function, and a plain argpartition would break ties at random.
    threshold = np.partition(probabilities, -k)[-k]
    candidates = np.flatnonzero(probabilities >= threshold)
    order = candidates[np.lexsort((candidates, -probabilities[candidates]))][:k]
    return [Ranked(int(i), labels[i], min(1.0, float(probabilities[i]))) for i in order]
