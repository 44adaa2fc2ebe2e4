"""The backend's /metrics, read: Prometheus text in, counts and quantiles out. What is missing is None, never an error.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+-?\d+)?")
_LABEL: Final = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scrape:
    """All samples of one moment.

    Attributes:
        at: when, in seconds of a monotonic clock.
        samples: value by metric name and sorted labels.
    """

    at: float
    samples: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)

    def total(self, name: str, **wanted: str) -> float | None:
        """Return the sum over all series of this name with these labels, or None where there is none."""
        found = [
            value for labels, value in self.samples.get(name, {}).items() if wanted.items() <= dict(labels).items()
        ]
        return sum(found) if found else None


def parse(text: str, at: float) -> Scrape:
    """Return the samples in a scrape; lines that cannot be read are skipped."""
    samples: dict[str, dict[Labels, float]] = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else _LINE.fullmatch(line.strip())
        if match is None:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        labels = tuple(sorted(_LABEL.findall(match["labels"] or "")))
        samples.setdefault(match["name"], {})[labels] = value
    return Scrape(at, samples)


def rate(before: Scrape, after: Scrape, name: str, **wanted: str) -> float | None:
    """Return how much a counter grows a second, or None where it is missing or was reset in between."""
    seconds = after.at - before.at
    now = after.total(name, **wanted)
    if now is None or seconds <= 0:
        return None
    grown = now - (before.total(name, **wanted) or 0.0)
    return grown / seconds if grown >= 0 else None


def quantile(share: float, before: Scrape | None, after: Scrape, histogram: str, **wanted: str) -> float | None:
    """Return a quantile of what a histogram saw between two scrapes, or since its start where there is no earlier one.

    Linear within the bucket, as Prometheus's `histogram_quantile` does. None where nothing was seen.

    Args:
        share: 0 to 1; 0.5 is the median.
        before: the earlier scrape.
        after: the later one.
        histogram: its name, without `_bucket`.
        wanted: labels that its series must have.
    """
    now = _buckets(after, histogram, wanted)
    earlier = _buckets(before, histogram, wanted) if before is not None else {}
    grown = sorted((bound, count - earlier.get(bound, 0.0)) for bound, count in now.items())
    if not grown or grown[-1][1] <= 0 or any(count < 0 for _, count in grown):
        return None
    target = share * grown[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in grown:
        if count >= target:
            if math.isinf(bound):
                return lower  # somewhere beyond the last bound: that bound is all that is known
            return lower + (bound - lower) * ((target - below) / (count - below) if count > below else 1.0)
        lower, below = bound, count
    return None


def _buckets(scrape: Scrape, histogram: str, wanted: Mapping[str, str]) -> dict[float, float]:
    """Return the cumulative count by upper bound, summed over the series."""
    buckets: dict[float, float] = {}
    for labels, value in scrape.samples.get(f"{histogram}_bucket", {}).items():
        named = dict(labels)
        if wanted.items() <= named.items() and "le" in named:
            bound = math.inf if named["le"] == "+Inf" else float(named["le"])
            buckets[bound] = buckets.get(bound, 0.0) + value
    return buckets
