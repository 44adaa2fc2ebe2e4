"""What counts as good enough, as people write it (`500ms`, `1%`), and whether a run was. Pure functions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)%")


class InvalidValue(ValueError):
    """A value on the command line cannot be read; the message says how it is written."""


def duration(text: str) -> float:
    """Return seconds: `500ms`, `2s`, `1.5m`, `1h`.

    Raises:
        InvalidValue: no unit, another unit, or not above zero.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise InvalidValue(f"{text!r} is no time: write a number above 0 with ms, s, m or h, such as 500ms or 2s")
    return seconds


def share(text: str) -> float:
    """Return a share, 0 to 1: `1%`, `0.5%`.

    Raises:
        InvalidValue: no per cent sign, or outside 0 to 100.
    """
    match = _SHARE.fullmatch(text.strip())
    percent = float(match[1]) if match else -1.0
    if not 0 <= percent <= 100:  # noqa: PLR2004 - per cent
        raise InvalidValue(f"{text!r} is no share: write a number from 0 to 100 with a per cent sign, such as 1%")
    return percent / 100


@dataclass(frozen=True, slots=True)
class Goals:
    """What a run has to keep; None: not asked for.

    Attributes:
        p50, p95, p99: seconds that so many of a half's answers may take at most; a visitor's with the photo's upload.
        failures: share of all requests that may fail; a refusal (503) is none.
        refusals: share of all requests that may be refused.
    """

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    failures: float | None = None
    refusals: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal and what became of it; seconds or shares. `measured` is None when there was nothing to measure."""

    goal: str
    limit: float
    measured: float | None

    @property
    def met(self) -> bool:
        """Whether it was kept: what could not be measured was not."""
        return self.measured is not None and self.measured <= self.limit


def judge(goals: Goals, halves: Mapping[str, Mapping[str, Any]], totals: Mapping[str, int]) -> list[Verdict]:
    """Return a verdict for each goal that was set.

    Args:
        goals: what was asked for.
        halves: for each half that was loaded, the p50, p95 and p99 of its answers in seconds (or None).
        totals: `count`, `failed` and `refused` of the whole run.
    """
    verdicts = [
        Verdict(f"{half} {name}", limit, figures.get(name))
        for name in ("p50", "p95", "p99")
        if (limit := getattr(goals, name)) is not None
        for half, figures in halves.items()
    ]
    count = totals["count"]
    for name, key in (("failures", "failed"), ("refusals", "refused")):
        limit = getattr(goals, name)
        if limit is not None:
            verdicts.append(Verdict(name, limit, totals[key] / count if count else None))
    return verdicts
