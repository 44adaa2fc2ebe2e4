"""How many users there are at a moment, and when a ramp has found the knee. Pure: time and figures in, decision out."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sightserve.loadtest.goals import Goals
from sightserve.loadtest.plan import Plan, Shape

WINDOW: Final = 5  # seconds that a figure is taken over
_BROKEN_FOR: Final = 5  # looks in a row, one a second: a single slow second is no limit
_ENOUGH: Final = 8  # answers in a window, before anything is said of it
_QUIET: Final = 0.2  # of the users, before and after a spike


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in the last seconds.

    Attributes:
        count, failed, refused: requests that ended.
        p50, p95, p99: seconds, of the slower half's answers; None where there was none.
        answers: right answers.
    """

    count: int
    failed: int
    refused: int
    answers: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Knee:
    """The last load at which the goals were kept.

    Attributes:
        at: seconds since the start.
        users: how many there were.
        answers_s: right answers a second.
        p95: seconds.
        broken: what was not kept any more, as a sentence.
    """

    at: float
    users: int
    answers_s: float
    p95: float | None
    broken: str


def users_at(plan: Plan, elapsed: float) -> int | None:
    """Return how many users there should be, or None when it is over."""
    if elapsed >= plan.seconds:
        return None
    match plan.shape:
        case Shape.RAMP:
            return max(1, min(plan.users, int(plan.spawn_rate * elapsed) + 1))
        case Shape.SPIKE:
            quiet = max(1, round(plan.users * _QUIET))
            return plan.users if plan.seconds / 3 <= elapsed < plan.seconds * 2 / 3 else quiet
    return plan.users


def broken(window: Window, goals: Goals) -> str:
    """Return which goal a window breaks, as a sentence; empty when none."""
    if window.count < _ENOUGH:
        return ""
    for name in ("p50", "p95", "p99"):
        limit, measured = getattr(goals, name), getattr(window, name)
        if limit is not None and measured is not None and measured > limit:
            return f"{name} is {measured:.2f} s, the goal is {limit:.2f} s"
    for name, number in (("failures", window.failed), ("refusals", window.refused)):
        limit = getattr(goals, name)
        if limit is not None and number / window.count > limit:
            return f"{name} are {number / window.count:.1%}, the goal is {limit:.1%}"
    return ""


@dataclass(slots=True)
class KneeFinder:
    """Is shown a window a second, and says when the load has become too much for good."""

    goals: Goals
    _good: Knee | None = None
    _bad: deque[str] = field(default_factory=lambda: deque(maxlen=_BROKEN_FOR))

    def look(self, at: float, users: int, window: Window) -> Knee | None:
        """Take note of one second; return the knee once the goals were broken for several in a row."""
        why = broken(window, self.goals)
        if why:
            self._bad.append(why)
        else:
            self._bad.clear()
            if window.count >= _ENOUGH:
                self._good = Knee(at, users, window.answers / WINDOW, window.p95, "")
        if len(self._bad) < _BROKEN_FOR:
            return None
        last = self._good or Knee(0.0, 0, 0.0, None, "")
        return Knee(last.at, last.users, last.answers_s, last.p95, why)
