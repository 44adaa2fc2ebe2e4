"""Data path: inference -> [the model's probabilities -> such as are right as often as they say] -> ranking.

Source: Guo et al., "On calibration of modern neural networks", 2017 (temperature scaling).
"""

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]


def calibrated(probabilities: Probabilities, temperature: float, *, exclusive: bool) -> Probabilities:
    """Return the probabilities that the same logits give when they are divided by the temperature.

    Logarithms of probabilities are logits, but for what all have in common, so the logits themselves are not needed. What is no
    probability stays none: whoever ranks them refuses it.

    Args:
        probabilities: shape (N, classes), 0 to 1.
        temperature: above 0; below 1 makes a model surer of itself.
        exclusive: whether they sum to 1 (softmax), or each stands by itself (sigmoid).
    """
    if temperature == 1:
        return probabilities
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logits = np.log(probabilities)
        if not exclusive:
            odds = (np.log1p(-probabilities) - logits) / np.float32(temperature)
            return np.asarray(1 / (1 + np.exp(odds)), dtype=np.float32)
        logits /= np.float32(temperature)
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits, out=logits)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
