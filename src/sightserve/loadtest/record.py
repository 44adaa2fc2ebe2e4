"""Everything that happened to every request, and the figures that follow from it: by kind, by second, by cause."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sightserve.loadtest.shapes import WINDOW, Window


class Half(StrEnum):
    """Which half a request was for."""

    API = "API"
    WEB = "web app"


class Outcome(StrEnum):
    """How a request ended. A refusal (503, 429) is no failure: the server said at once that it could not."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


class Timing(NamedTuple):
    """What the backend said of one answer, in seconds, and how many of our requests were under way when it was sent."""

    beside: int
    service: float
    queue: float


class Event(NamedTuple):
    """One request.

    Attributes:
        at: when it ended, seconds since the start.
        half, kind: what it was for; a kind that is an answer to a photo counts for the percentiles of its half.
        seconds: from start to end.
        outcome, cause: how it ended, and why where it failed.
        answer: whether it asked about a photo.
        size: bytes that came back.
        timing: where the backend told.
        before: seconds that went by before it, which belong to the wait for the same answer: a visitor's upload.
    """

    at: float
    half: Half
    kind: str
    seconds: float
    outcome: Outcome
    cause: str = ""
    answer: bool = True
    size: int = 0
    timing: Timing | None = None
    before: float = 0.0


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Return a percentile by nearest rank, of values in ascending order; None where there is none."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


class Recorder:
    """Keeps all events of a run: some hundred bytes each, a million of them for an hour of three hundred a second."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.users: list[tuple[float, int]] = []

    def add(self, event: Event) -> None:
        """Take note of a request that ended."""
        self.events.append(event)

    def window(self, now: float) -> Window:
        """Return what happened in the last seconds."""
        recent = []
        for event in reversed(self.events):
            if event.at < now - WINDOW:
                break
            recent.append(event)
        figures = halves(recent)
        slowest = {
            name: max((f[name] for f in figures.values() if f[name] is not None), default=None)
            for name in ("p50", "p95", "p99")
        }
        totals = outcomes(recent)
        answers = sum(event.answer and event.outcome is Outcome.OK for event in recent)
        return Window(totals["count"], totals["failed"], totals["refused"], answers, **slowest)


def outcomes(events: Sequence[Event]) -> dict[str, int]:
    """Return how many there were, and how they ended."""
    counted = Counter(event.outcome for event in events)
    return {"count": len(events), **{outcome.value: counted[outcome] for outcome in Outcome}}


def quantiles(events: Sequence[Event], *, whole: bool = False) -> dict[str, Any]:
    """Return the percentiles of the time to a right answer, in seconds; `whole`: with what went by before the request."""
    seconds = sorted(event.seconds + event.before * whole for event in events if event.outcome is Outcome.OK)
    named = {f"p{percent}": percentile(seconds, percent) for percent in (50, 90, 95, 99)}
    return {**named, "max": seconds[-1] if seconds else None}


def halves(events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """Return the percentiles of what people wait for: of each half's answers, from choosing the photo on."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.answer:
            found[event.half.value].append(event)
    return {half: quantiles(list_, whole=True) for half, list_ in found.items()}


def groups(events: Sequence[Event], seconds: float) -> list[dict[str, Any]]:
    """Return the figures of each kind of request, in the order in which they were first seen."""
    found: dict[tuple[Half, str], list[Event]] = {}
    for event in events:
        found.setdefault((event.half, event.kind), []).append(event)
    return [
        {
            "half": half.value,
            "kind": kind,
            **outcomes(list_),
            "per_second": len(list_) / seconds if seconds else 0.0,
            "bytes": sum(event.size for event in list_),
            **quantiles(list_),
        }
        for (half, kind), list_ in found.items()
    ]


def causes(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return what went wrong how often, the commonest first; refusals among it, marked as such."""
    counted = Counter((e.half.value, e.kind, e.outcome.value, e.cause) for e in events if e.outcome is not Outcome.OK)
    return [
        {"half": half, "kind": kind, "outcome": outcome, "cause": cause, "count": count}
        for (half, kind, outcome, cause), count in counted.most_common()
    ]


def timeline(events: Sequence[Event], users: Sequence[tuple[float, int]], step: float) -> list[dict[str, Any]]:
    """Return one row for each `step` seconds: users, how requests ended, and each half's percentiles of that time."""
    rows: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        rows[int(event.at // step)].append(event)
    there = {int(at // step): number for at, number in users}
    last, known, table = max([*rows, *there], default=-1), 0, []
    for number in range(last + 1):
        known = there.get(number, known)
        row = rows.get(number, [])
        table.append({"t": number * step, "users": known, **outcomes(row), "halves": halves(row)})
    return table
