"""What Sightserve sets out to reach, and whether these measurements reach it. Pure functions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.results import Measurement
from bench.servers import RIVALS, TUNED
from bench.stats import median

_BUSY = ("8", "32")  # connections at which a server should be at its best


@dataclass(frozen=True, slots=True)
class Target:
    """One target and what was measured.

    Attributes:
        text: what is compared.
        value: measured; NaN: not measured in this run.
        bound: to be reached.
        at_least: whether more is better.
    """

    text: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def verdict(self) -> str:
        """Pass, fail or not measured."""
        if math.isnan(self.value):
            return "not measured"
        reached = self.value >= self.bound if self.at_least else self.value <= self.bound
        return "pass" if reached else "FAIL"


class Found:
    """The measurements, asked by what they are of."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self._all = [m for m in measurements if not m.skipped]

    def rounds(self, figure: str, case: str, server: str, photos: str, setting: str) -> dict[int, float]:
        """Return one figure by round."""
        wanted = (case, server, photos, setting)
        return {
            m.round: m.figures[figure]
            for m in self._all
            if (m.case, m.server, m.photos, m.setting) == wanted and figure in m.figures
        }

    def median(self, figure: str, case: str, server: str, photos: str, setting: str) -> float:
        """Return one figure's median over the rounds; NaN where there is none."""
        return median(list(self.rounds(figure, case, server, photos, setting).values()))

    def ratio(self, above: dict[int, float], below: dict[int, float]) -> float:
        """Return the median of the rounds' ratios: what slows the machine in one round slows both."""
        return median([above[n] / below[n] for n in above if below.get(n)])

    def best(self, server: str, photos: str) -> dict[int, float]:
        """Return a server's images per second by round, at the number of connections that suits it better."""
        return _each(max, *(self.rounds("images_s", "closed", server, photos, c) for c in _BUSY))

    def cores(self) -> str:
        """Return the most cores that the ceiling was measured with, as a setting."""
        return max((m.setting for m in self._all if m.case == "ceiling"), key=int, default="1")


def targets(measurements: Sequence[Measurement]) -> list[Target]:
    """Return every target with its value."""
    found = Found(measurements)
    return [*_in_process(found), *_served(found), *_against_peers(found), *_overload(found), *_cold(found)]


def _in_process(found: Found) -> list[Target]:
    def per_thread(photos: str) -> float:
        ours, straight = (found.rounds("images_s", "ceiling", s, photos, "1") for s in ("ours", "straight"))
        return found.ratio(ours, straight)

    return [Target("one core in process, against the straightforward path (images/s)", per_thread("imagenet"), 1.25)]


def _served(found: Found) -> list[Target]:
    ceiling = found.rounds("images_s", "ceiling", "ours", "imagenet", found.cores())
    shares = [
        Target(
            f"served at {c} connections, of the in-process ceiling",
            found.ratio(found.rounds("images_s", "closed", "ours", "imagenet", c), ceiling),
            0.92,
        )
        for c in _BUSY
    ]
    p99, p50 = (found.rounds(f, "closed", "ours", "imagenet", "32") for f in ("p99_ms", "p50_ms"))
    return [*shares, Target("p99 against p50 at 32 connections", found.ratio(p99, p50), 1.3, at_least=False)]


def _against_peers(found: Found) -> list[Target]:
    rows = []
    for photos, size, bound in (("imagenet", "ImageNet-size", 1.3), ("large", "12-megapixel", 4.0)):
        best_peer = _each(max, *(found.best(rival, photos) for rival in RIVALS))
        ratio = found.ratio(found.best("ours", photos), best_peer)
        rows.append(Target(f"images/s against the best of the four peers, {size} photos", ratio, bound))
    served, tuned = (found.rounds("images_s", "closed", s, "imagenet", "32") for s in ("ours", TUNED))
    rows.append(Target("the same at 32 connections, against Mosec with batches of 8", found.ratio(served, tuned), 1.0))
    alone = {s: found.median("p50_ms", "closed", s, "imagenet", "1") for s in ("ours", *RIVALS)}
    peers = [v for s, v in alone.items() if s != "ours" and not math.isnan(v)]
    fastest = min(peers, default=math.nan)
    rows.append(Target("lone request, p50 against the fastest peer's", alone["ours"] / fastest, 1.0, at_least=False))
    return rows


def _overload(found: Found) -> list[Target]:
    def at_five(figure: str) -> float:
        return found.median(figure, "open", "ours", "imagenet", "5x")

    return [
        Target("goodput at 5 x capacity, of the capacity", at_five("of_capacity"), 0.88),
        Target("p99 of what was accepted at 5 x capacity, ms", at_five("p99_ms"), 2000, at_least=False),
        Target("median time to a refusal at 5 x capacity, ms", at_five("refused_p50_ms"), 50, at_least=False),
        Target("growth of memory during 5 x capacity", at_five("memory_growth"), 0.1, at_least=False),
        Target("back to normal latency after 5 x capacity, s", at_five("recovery_s"), 2.0, at_least=False),
    ]


def _cold(found: Found) -> list[Target]:
    ours, bare = (found.rounds("total_s", "cold", s, "imagenet", "start") for s in ("ours", "bare"))
    text = "cold start to first answer, against the bare import and load"
    return [Target(text, found.ratio(ours, bare), 1.6, at_least=False)]


def _each(pick: Callable[..., float], *columns: dict[int, float]) -> dict[int, float]:
    """Combine figures round by round, over those columns that have the round."""
    rounds = sorted({n for column in columns for n in column})
    return {n: pick([column[n] for column in columns if n in column]) for n in rounds}
