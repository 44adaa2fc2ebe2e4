"""Numbers from measurements: percentiles, medians, spread. Pure functions."""

import math
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest value that at least `percent` % of the values do not exceed.

    Nearest rank, because it is always a value that was measured: interpolation invents a p99 between two real requests.

    Args:
        values: in any order and unit; at least one.
        percent: 0 to 100.

    Raises:
        ValueError: no values, or a percentage out of range.
    """
    if not values:
        raise ValueError("no values, no percentile")
    if not 0 <= percent <= 100:  # noqa: PLR2004
        raise ValueError(f"{percent} is not between 0 and 100")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the median, in the values' unit; not a number when there are none."""
    return statistics.median(values) if values else math.nan


def spread(values: Sequence[float]) -> float:
    """Return half the range as a fraction of the median: 0.03 reads "plus or minus 3 %"; 0 for a single value."""
    if len(values) < 2:  # noqa: PLR2004
        return 0.0
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else math.nan


def medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return each figure's median over the rounds; a figure that some rounds lack counts where it was measured."""
    names = dict.fromkeys(name for one in rounds for name in one)
    return {name: median([one[name] for one in rounds if name in one]) for name in names}
