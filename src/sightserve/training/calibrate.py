"""Logits of held-out photos -> [the temperature, how far off probabilities are, below which an answer is none] -> bundle."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sightserve.training.folds import Numbers

Logits = NDArray[np.float64]

_RANGE: Final = (0.05, 20.0)  # of temperatures
_BINS: Final = 10
_KEPT: Final = 0.95  # share of right answers
_SURE: Final = 0.9  # an answer as probable as this is never none


def softmax(logits: Logits, temperature: float = 1.0) -> Logits:
    """Return probabilities, (photos, classes)."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Logits = powers / powers.sum(axis=1, keepdims=True)
    return found


def surprise(logits: Logits, targets: Numbers, temperature: float = 1.0, doubt: float = 0.0) -> Logits:
    """Return the negative logarithm of each photo's own class's probability, (photos,).

    Args:
        logits: of photos, (photos, classes).
        targets: their classes.
        temperature: that logits are divided by.
        doubt: share of each target that is spread over all classes.
    """
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    total = np.log(np.exp(scaled).sum(axis=1))
    own = scaled[np.arange(len(targets)), targets]
    spread = scaled.mean(axis=1) if doubt else 0.0
    found: Logits = total - (1 - doubt) * own - doubt * spread
    return found


def temperature(logits: Logits, targets: Numbers) -> float:
    """Return the temperature with which held-out photos surprise least (Guo et al., 2017).

    Few photos that are all right would have it be sure of everything. As Platt does (1999), each target leaves some doubt: that
    of one wrong answer more than were seen.
    """
    from scipy.optimize import minimize_scalar

    if not len(targets):
        return 1.0
    doubt = 1 / (len(targets) + 2)

    def mean(exponent: float) -> float:
        return float(surprise(logits, targets, float(np.exp(exponent)), doubt).mean())

    found: Any = minimize_scalar(mean, bounds=tuple(np.log(_RANGE)), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def calibration_error(probabilities: Logits, targets: Numbers) -> float:
    """Return the expected calibration error: how far probabilities are from how often they are right, ten bins."""
    if not len(targets):
        return 0.0
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    bins = np.minimum((sure * _BINS).astype(np.int64), _BINS - 1)
    off = np.bincount(bins, weights=sure - right, minlength=_BINS)
    return min(1.0, float(np.abs(off).sum() / len(targets)))


def crossed(logits: Logits, targets: Numbers, folds: Numbers) -> float:
    """Return the calibration error with a temperature, each fold's fitted on the other folds."""
    probabilities = np.empty_like(logits)
    for fold in np.unique(folds):
        within = folds == fold
        probabilities[within] = softmax(logits[within], temperature(logits[~within], targets[~within]))
    return calibration_error(probabilities, targets)


def least_probability(probabilities: Logits, targets: Numbers) -> tuple[float, float] | None:
    """Return below which probability an answer is none of the classes, and the share of right answers that are above.

    Right answers to held-out photos say how probable those are; 95 % of them stay. None where nothing above chance does that.
    """
    classes = probabilities.shape[1]
    sure = probabilities.max(axis=1)
    right = np.sort(sure[probabilities.argmax(axis=1) == targets])
    if not len(right):
        return None
    lowest = float(right[int(len(right) * (1 - _KEPT))])
    least = np.floor(min(lowest, _SURE) * 1e4) / 1e4
    if least <= 1 / classes:
        return None
    return float(least), float((right >= least).mean())
