"""How a job stands, in figures that a person believes. Pure: time is handed in."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_OVER: Final = 60.0  # seconds that a rate is taken over
_EVERY: Final = 1.0  # second between two marks


@dataclass(frozen=True, slots=True)
class Standing:
    """A job at one moment.

    Attributes:
        found: photos so far.
        listed: whether these are all.
        done: photos that have a row, those of earlier runs included.
        errors: of this run.
        rate: photos a second, over the last minute; 0 before anything is done.
        seconds_left: at that rate; None where nobody can tell.
    """

    found: int
    listed: bool
    done: int
    errors: int
    rate: float
    seconds_left: float | None


@dataclass(slots=True)
class Progress:
    """Counts what is done in a run.

    Attributes:
        before: photos that had a row when it began.
        began: when that was, in seconds of a monotonic clock.
    """

    before: int
    began: float
    done: int = 0
    errors: int = 0
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, photos: int, errors: int) -> None:
        """Count photos that are done now."""
        self.done += photos
        self.errors += errors

    def standing(self, found: int, now: float, *, listed: bool) -> Standing:
        """Return how it stands."""
        # what came before the first photo, a slot's start, is no part of the rate
        if self.done and (not self._marks or now - self._marks[-1][0] >= _EVERY):
            self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _OVER:  # noqa: PLR2004 - a rate needs two
            self._marks.popleft()
        rate = self.rate(now)
        left = max(0, found - self.before - self.done)
        return Standing(
            found=max(found, self.before + self.done),
            listed=listed,
            done=self.before + self.done,
            errors=self.errors,
            rate=rate,
            seconds_left=left / rate if listed and rate and left else None,
        )

    def rate(self, now: float) -> float:
        """Return the photos a second over the last minute."""
        if self._marks and now > self._marks[0][0]:
            first, done = self._marks[0]
            if self.done > done:
                return (self.done - done) / (now - first)
        return self.done / (now - self.began) if now > self.began else 0.0


def in_words(standing: Standing) -> str:
    """Return a line: `12,000 of 200,000 photos · 6% · 331 a second · 9 min left · 12 errors`."""
    of = f"{standing.found:,}" if standing.listed else f"{standing.found:,} found so far"
    parts = [f"{standing.done:,} of {of}" + (" photos" if standing.listed else "")]
    if standing.listed and standing.found:
        parts.append(f"{standing.done / standing.found:.0%}")
    if standing.rate:
        parts.append(f"{standing.rate:,.0f} a second" if standing.rate >= 10 else f"{standing.rate:.1f} a second")  # noqa: PLR2004
    if standing.seconds_left is not None:
        parts.append(f"{duration(standing.seconds_left)} left")
    parts.append(f"{standing.errors:,} error{'' if standing.errors == 1 else 's'}")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Return a time as people say it: `48 s`, `9 min`, `3 h 20 min`, `2 d 4 h`."""
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if whole < 120:  # noqa: PLR2004
        return f"{whole} s"
    if hours < 2:  # noqa: PLR2004
        return f"{minutes} min"
    if days < 2:  # noqa: PLR2004
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
