"""Database -> [what people send and what they are told, week by week, against the first weeks] -> plain values.

Labels' shares are compared by the Jensen-Shannon divergence in bits: 0 where they are the same, 1 where no label is in both.
Few answers differ by chance alone; how much is said with each week, so that nobody takes noise for news.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import sqlalchemy as sa

from sightserve.feedback.tables import prediction

_FIRST: Final = 4  # weeks, at most half of those there are
_DRAWS: Final = 100
_ENOUGH: Final = 5  # of a label, in the smaller of both: then the chi-squared distribution is good
_MANY: Final = 20_000  # answers: so many are not drawn again and again
_Z95: Final = 1.644854


@dataclass(frozen=True, slots=True)
class Week:
    """One ISO week.

    Attributes:
        week: 2026-W48.
        divergence: of its labels' shares from the first weeks', in bits; None for those themselves.
        chance: what 95 of 100 weeks without any change stay below, with as many answers.
        unsure: share of answers that were of no class in particular.
        formats: share of each.
        megapixels: the mean.
        mebibytes: likewise.
    """

    week: str
    predictions: int
    mean_probability: float
    unsure: float
    megapixels: float
    mebibytes: float
    formats: dict[str, float]
    divergence: float | None = None
    chance: float | None = None


@dataclass(slots=True)
class _Sums:
    """What is added up of a week."""

    labels: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    probability: float = 0.0
    unsure: int = 0
    pixels: float = 0.0
    octets: float = 0.0


def by_week(connection: sa.Connection, model_name: str | None = None) -> list[Week]:
    """Return the weeks that had answers, the oldest first; of one model, where it is named."""
    weeks = _sums(connection, model_name)
    names = sorted(weeks)
    first = names[: max(1, min(_FIRST, len(names) // 2))]
    reference: Counter[str] = sum((weeks[name].labels for name in first), Counter())
    return [_week(name, weeks[name], None if name in first else reference) for name in names]


def divergence(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Return the Jensen-Shannon divergence of two samples' shares, in bits (Lin, 1991)."""
    totals = sum(one.values()), sum(other.values())
    bits = 0.0
    for label in {*one, *other}:
        shares = one.get(label, 0) / totals[0], other.get(label, 0) / totals[1]
        middle = sum(shares) / 2
        bits += sum(each / 2 * math.log2(each / middle) for each in shares if each)
    return min(max(bits, 0.0), 1.0)


def chance(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Return what the divergence stays below in 95 of 100 draws of so many each, were nothing different."""
    counts = sum(one.values()), sum(other.values())
    both = Counter(one) + Counter(other)
    smaller = min(counts) / sum(counts)
    if len(both) == 1:
        return 0.0
    if sum(counts) > _MANY or min(both.values()) * smaller >= _ENOUGH:
        # near equal shares it is chi-squared with a degree less than labels, times this; its quantile by Wilson and Hilferty
        degrees = len(both) - 1
        quantile = degrees * (1 - 2 / (9 * degrees) + _Z95 * math.sqrt(2 / (9 * degrees))) ** 3
        return min(quantile * (1 / counts[0] + 1 / counts[1]) / (8 * math.log(2)), 1.0)
    draw = random.Random(0)  # noqa: S311 - the same answers are told the same
    labels, weights = list(both), list(both.values())
    drawn = sorted(
        divergence(*(Counter(draw.choices(labels, weights, k=count)) for count in counts)) for _ in range(_DRAWS)
    )
    return drawn[_DRAWS * 95 // 100]


def _sums(connection: sa.Connection, model_name: str | None) -> dict[str, _Sums]:
    at: sa.ColumnElement[object] = prediction.c.at
    if connection.dialect.name == "postgresql":
        at = sa.func.timezone("UTC", at)
    day = sa.func.date(at).label("day")
    where = [prediction.c.model_name == model_name] if model_name is not None else []
    query = (
        sa.select(
            day,
            prediction.c.label,
            prediction.c.format,
            sa.func.count().label("times"),
            sa.func.sum(prediction.c.probability).label("probability"),
            sa.func.sum(sa.case((prediction.c.recognised, 0), else_=1)).label("unsure"),
            sa.func.sum(prediction.c.width * 1.0 * prediction.c.height).label("pixels"),
            sa.func.sum(prediction.c.image_bytes).label("octets"),
        )
        .where(*where)
        .group_by(day, prediction.c.label, prediction.c.format)
    )
    weeks: dict[str, _Sums] = defaultdict(_Sums)
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        sums = weeks[_iso_week(row.day)]
        sums.labels[row.label] += row.times
        sums.formats[row.format] += row.times
        sums.probability += row.probability
        sums.unsure += row.unsure
        sums.pixels += float(row.pixels)
        sums.octets += float(row.octets)
    return weeks


def _iso_week(day: date | str) -> str:
    year, week, _ = (date.fromisoformat(day) if isinstance(day, str) else day).isocalendar()
    return f"{year:04d}-W{week:02d}"


def _week(name: str, sums: _Sums, reference: Counter[str] | None) -> Week:
    count = sums.labels.total()
    return Week(
        week=name,
        predictions=count,
        mean_probability=sums.probability / count,
        unsure=sums.unsure / count,
        megapixels=sums.pixels / count / 1e6,
        mebibytes=sums.octets / count / 2**20,
        formats=_shares(sums.formats.most_common(), count),
        divergence=None if reference is None else divergence(sums.labels, reference),
        chance=None if reference is None else chance(sums.labels, reference),
    )


def _shares(counts: Iterable[tuple[str, int]], total: int) -> dict[str, float]:
    return {name: times / total for name, times in counts}
