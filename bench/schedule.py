"""Open loop: when requests are sent, and what their outcomes amount to. Pure functions."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.stats import median, percentile


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of load.

    Attributes:
        rate: requests per second.
        seconds: how long.
        poisson: random gaps, as independent people make them; else constant ones.
    """

    rate: float
    seconds: float
    poisson: bool = False


class Outcome(NamedTuple):
    """What became of one request; times in seconds since the start of the run.

    Attributes:
        intended: when it should have been sent: latency counts from here, or a slow generator would hide a slow server.
        sent: when its first byte was handed to the kernel.
        done: when its answer was complete, or it was given up.
        status: of the answer; 0: none.
    """

    intended: float
    sent: float
    done: float
    status: int


def arrivals(phases: Sequence[Phase], seed: int = 1) -> list[float]:
    """Return the intended send times, in seconds, of the phases one after the other."""
    dice = random.Random(seed)
    times, start = [], 0.0
    for phase in phases:
        at = start if not phase.poisson else start + dice.expovariate(phase.rate)
        number = 0
        while at < start + phase.seconds:
            times.append(at)
            number += 1
            # from the number, not by adding up: a tenth has no exact binary form
            at = at + dice.expovariate(phase.rate) if phase.poisson else start + number / phase.rate
        start += phase.seconds
    return times


def summary(outcomes: Sequence[Outcome], deadline: float, seconds: float) -> dict[str, float]:
    """Return what the requests of one phase amount to.

    Args:
        outcomes: of that phase.
        deadline: seconds; a later answer is no use to anybody.
        seconds: how long the phase was.

    Returns:
        offered_s, goodput_s: requests sent, and 200s within the deadline, per second.
        late, refused, expired, broken: numbers of 200s after the deadline, of 429s and 503s, of 504s, of everything else.
        p50_ms, p99_ms: latency of the 200s. refused_p50_ms, refused_p99_ms: until a refusal was complete.
        lag_p99_ms: how late the generator itself was.
    """
    accepted = [o.done - o.intended for o in outcomes if o.status == 200]  # noqa: PLR2004
    refusals = [o.done - o.intended for o in outcomes if o.status in {429, 503}]
    expired = sum(o.status == 504 for o in outcomes)  # noqa: PLR2004
    in_time = sum(latency <= deadline for latency in accepted)
    figures = {
        "offered_s": len(outcomes) / seconds,
        "goodput_s": in_time / seconds,
        "late": float(len(accepted) - in_time),
        "refused": float(len(refusals)),
        "expired": float(expired),
        "broken": float(len(outcomes) - len(accepted) - len(refusals) - expired),
    }
    for prefix, values in (("", accepted), ("refused_", refusals), ("lag_", [o.sent - o.intended for o in outcomes])):
        if values:
            figures[f"{prefix}p50_ms"] = percentile(values, 50) * 1000
            figures[f"{prefix}p99_ms"] = percentile(values, 99) * 1000
    return figures


def recovery(before: Sequence[Outcome], after: Sequence[Outcome], end: float) -> float:
    """Return how many seconds after the overload latency is back to normal, for good.

    Normal is an answer 200 within twice the median before the overload, or 20 ms more than it, whichever is more: on a
    machine that does nothing else, single answers vary by a factor of two.

    Args:
        before: light load before the overload.
        after: the same light load after it, in order.
        end: when the overload ended.

    Returns:
        seconds from the end to the first request from which on all are normal; infinite when even the last is not.
    """
    usual = median([o.done - o.intended for o in before])
    limit = max(2 * usual, usual + 0.02)
    slow = [n for n, o in enumerate(after) if o.status != 200 or o.done - o.intended > limit]  # noqa: PLR2004
    first = slow[-1] + 1 if slow else 0
    return after[first].intended - end if first < len(after) else float("inf")


def growth(samples: Sequence[tuple[float, float]]) -> float:
    """Return by which fraction memory grew: the last quarter's median against the second's; the first fills buffers.

    Args:
        samples: (seconds, MiB), in order, at least four.
    """
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    return median([mib for _, mib in late]) / median([mib for _, mib in early]) - 1
