"""evaluate -> [a share, and between what it lies] -> report."""

import math
from typing import Final

from sightserve.training.facts import Interval

_Z: Final = 1.959964  # of a normal distribution, 95 % within


def wilson(share: float, count: float) -> Interval:
    """Return a share of so many with its interval of 95 % (Wilson, "Probable inference", 1927).

    Args:
        share: 0 to 1.
        count: of what it is a share. Photos of one scene tell no more than one of them: where there are
            near-duplicates, this is the number of scenes.
    """
    if count <= 0:
        return Interval(value=share, low=0, high=1)
    spread = _Z * _Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    # rounding must not carry the share itself out of its interval
    return Interval(value=share, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half)))
