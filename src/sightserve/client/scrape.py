"""The backend's /metrics, read: Prometheus text in, counts and quantiles out. What is missing is None, never an error.

Behind one address there may be several backends, each with counts of its own: only two scrapes of the same one are compared.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_INSTANCE: Final = "sightserve_instance_info"


@dataclass(frozen=True, slots=True)
class Scrape:
    """All samples of one moment.

    Attributes:
        at: when, in seconds of a monotonic clock.
        samples: (labels, value) of every series, by its name.
    """

    at: float
    samples: Mapping[str, Sequence[tuple[Mapping[str, str], float]]]

    def total(self, name: str, **wanted: str) -> float | None:
        """Return the sum over all series of this name with these labels, or None where there is none."""
        found = [value for labels, value in self.samples.get(name, ()) if wanted.items() <= labels.items()]
        return sum(found) if found else None

    @property
    def instance(self) -> str:
        """Which backend this is, anew at each of its starts; empty where it does not say."""
        return next((labels.get("id", "") for labels, _ in self.samples.get(_INSTANCE, ())), "")


def parse(text: str, at: float) -> Scrape:
    """Return the samples in a scrape, up to the first line that cannot be read."""
    samples = defaultdict(list)
    with suppress(ValueError, IndexError):  # what the parser raises, by how a line is broken
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples[sample.name].append((sample.labels, sample.value))
    return Scrape(at, dict(samples))


def rate(before: Scrape, after: Scrape, name: str, **wanted: str) -> float | None:
    """Return how much a counter grows a second; None where it is missing, was reset in between, or is another backend's."""
    seconds = after.at - before.at
    now = after.total(name, **wanted)
    if now is None or seconds <= 0 or before.instance != after.instance:
        return None
    grown = now - (before.total(name, **wanted) or 0.0)
    return grown / seconds if grown >= 0 else None


def quantile(share: float, before: Scrape | None, after: Scrape, histogram: str, **wanted: str) -> float | None:
    """Return a quantile of what a histogram saw between two scrapes, or since its start where there is no earlier one.

    Linear within the bucket, as Prometheus's `histogram_quantile` does. None where nothing was seen, or the earlier scrape is
    another backend's.

    Args:
        share: 0 to 1; 0.5 is the median.
        before: the earlier scrape.
        after: the later one.
        histogram: its name, without `_bucket`.
        wanted: labels that its series must have.
    """
    if before is not None and before.instance != after.instance:
        return None
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
    buckets: dict[float, float] = defaultdict(float)
    for labels, value in scrape.samples.get(f"{histogram}_bucket", ()):
        if wanted.items() <= labels.items() and "le" in labels:
            buckets[float(labels["le"])] += value
    return buckets
