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


def check(probabilities: NDArray[np.float32], *, exclusive: bool) -> None:
    """Make sure of a model's answer before anybody gets one.

    Args:
        probabilities: shape (N, classes).
        exclusive: whether they sum to 1.

    Raises:
        ModelOutputError: these are no probabilities. Most often logits, of a graph without its softmax.
    """
    low, high, total = probabilities.min(), probabilities.max(), probabilities.sum(axis=1)
    if np.isnan(total).any():
        raise ModelOutputError(
            "its outputs are no numbers (NaN): weights that are none, or a division by zero in the graph"
        )
    if not (low >= 0 and high <= 1 + _ROUNDING):
        raise ModelOutputError(
            f"its outputs are no probabilities (they go from {low:.3g} to {high:.3g}): softmax or sigmoid belongs in the graph"
        )
    if exclusive and not np.allclose(total, 1, atol=0.01):
        raise ModelOutputError(
            f"its probabilities sum to {total[0]:.3g}, not to 1: say in the manifest's output that they are independent, or "
            "put softmax into the graph"
        )


def standout(probabilities: NDArray[np.float32]) -> float:
    """Return how far the most probable class stands out of all: its logit's distance from their mean, in standard deviations.

    A picture of nothing, such as noise, moves all logits about, and one of them comes first by chance: it may be probable, but
    it stands out no more than the first of many. Logarithms of probabilities are logits, but for what all have in common, and a
    temperature changes nothing.

    Args:
        probabilities: one image's class probabilities, which sum to 1, shape (classes,).
    """
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    spread = float(logits.std())
    return float(logits.max() - logits.mean()) / spread if spread else 0.0


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
