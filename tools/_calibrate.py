"""Model build: probabilities and true classes -> [the temperature that makes them mean what they say].

Source: Guo et al., "On calibration of modern neural networks", 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from _network import Float
from sightserve.backend.slot.calibration import calibrated

Classes = NDArray[np.int64]
BINS = 15  # of equal width, as in the source
CANDIDATES = np.exp(np.linspace(np.log(0.1), np.log(4), 371))  # a per cent apart


@dataclass(frozen=True)
class Reliability:
    """What a temperature does: expected calibration errors are fractions from 0 to 1."""

    temperature: float
    error_before: float
    error_after: float


def fit_temperature(probabilities: Float, classes: Classes, accuracy: float) -> float:
    """Return the temperature with the least mean negative log-likelihood on photos that are weighted.

    These photos are probably of the training set: on others the network is wrong more often, and a temperature that fits these
    is too sure of those. So the wrong ones count for more, until together they are as many as there are.

    Args:
        probabilities: (N, classes).
        classes: the true ones, (N,).
        accuracy: share that the network gets right of photos that it has not seen.
    """
    rows, right = np.arange(len(classes)), probabilities.argmax(axis=1) == classes
    weights = np.where(right, accuracy / right.mean(), (1 - accuracy) / (1 - right.mean()))
    losses = [
        -(weights * np.log(np.maximum(calibrated(probabilities, each, exclusive=True)[rows, classes], 1e-12))).mean()
        for each in map(float, CANDIDATES)
    ]
    return float(CANDIDATES[int(np.argmin(losses))])


def expected_calibration_error(probabilities: Float, classes: Classes, temperature: float) -> float:
    """Return how far the first class's probability is from how often it is right, on average over the photos."""
    sure = calibrated(probabilities, temperature, exclusive=True)
    return _error(sure.max(axis=1), sure.argmax(axis=1) == classes)


def held_out_error(probabilities: Float, classes: Classes, accuracy: float) -> float:
    """Return the error on each half of the photos with the temperature that was fitted on the other half."""
    confidence, right = [], []
    for half in (0, 1):
        temperature = fit_temperature(probabilities[half::2], classes[half::2], accuracy)
        sure = calibrated(probabilities[1 - half :: 2], temperature, exclusive=True)
        confidence.append(sure.max(axis=1))
        right.append(sure.argmax(axis=1) == classes[1 - half :: 2])
    return _error(np.concatenate(confidence), np.concatenate(right))


def _error(confidence: Float, right: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    groups = [bins == number for number in range(BINS)]
    return float(
        sum(abs(confidence[group].mean() - right[group].mean()) * group.mean() for group in groups if group.any())
    )
