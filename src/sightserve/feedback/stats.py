"""Database -> [how right a model was, by what people said] -> plain values. The last word on each answer counts."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from sightserve.feedback.records import Summary
from sightserve.feedback.tables import correction, prediction

_Z: Final = 1.959964  # the normal distribution's 97.5 % quantile
_BINS: Final = 10
_PAIRS: Final = 20


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, and between what the share lies with 95 % confidence (Wilson, 1927); None of nothing."""

    right: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class OfClass:
    """One class.

    Attributes:
        answers: how often it was right where it was the answer.
        found: how often it was the answer where it was the truth; only where people said what it is.
    """

    label: str
    answers: Share
    found: Share


@dataclass(frozen=True, slots=True)
class Confused:
    """How often an answer was one label, and another was right."""

    predicted: str
    label: str
    times: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose probability lies between two: what was said, and what was so."""

    low: float
    high: float
    judged: int
    said: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Stats:
    """All of it.

    Attributes:
        ece: expected calibration error: how far what is said lies from what is so, on average over the judged answers.
    """

    predictions: int
    judged: Share
    classes: list[OfClass]
    confused: list[Confused]
    calibration: list[Bin]
    ece: float | None
    versions: dict[str, Share] = field(default_factory=dict)


def share(right: int, of: int) -> Share:
    """Return a share with its interval."""
    if not of:
        return Share(right, of, None, None, None)
    part, square = right / of, _Z**2
    middle = part + square / (2 * of)
    spread = _Z * math.sqrt(part * (1 - part) / of + square / (4 * of**2))
    low, high = ((middle + sign * spread) / (1 + square / of) for sign in (-1, 1))
    # at the ends it is exact but for rounding
    return Share(right, of, part, 0.0 if right == 0 else low, 1.0 if right == of else high)


def last_words(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return a query of the judged answers: columns of the answer, and verdict, said and said_at of its last correction."""
    last = sa.func.row_number().over(
        partition_by=correction.c.prediction, order_by=(correction.c.at.desc(), correction.c.id.desc())
    )
    ranked = sa.select(correction, last.label("place")).subquery()
    return (
        sa.select(
            prediction,
            ranked.c.verdict,
            ranked.c.label.label("said"),
            ranked.c.note,
            ranked.c.at.label("said_at"),
        )
        .join(ranked, ranked.c.prediction == prediction.c.id)
        .where(ranked.c.place == 1, *where)
    )


def truth(row: Any) -> str | None:  # noqa: ANN401 - a row of last_words
    """Return what an answer's image shows, as far as somebody said."""
    label: str | None = row.label if row.verdict == "right" else row.said
    return label


def summarise(connection: sa.Connection, model_sha256: str) -> Summary:
    """Return how right a model was."""
    of_model = prediction.c.model_sha256 == model_sha256
    total = connection.scalar(sa.select(sa.func.count()).select_from(prediction).where(of_model)) or 0
    judged = last_words(of_model).subquery()
    verdicts = {
        row.verdict: row.times
        for row in connection.execute(
            sa.select(judged.c.verdict, sa.func.count().label("times")).group_by(judged.c.verdict)
        )
    }
    right = share(verdicts.get("right", 0), sum(verdicts.values()))
    return Summary(total, right.of, right.right, right.low, right.high)


def measure(connection: sa.Connection, model_name: str | None = None) -> Stats:
    """Return all that is known of how right answers were; of one model's, where it is named."""
    where = [prediction.c.model_name == model_name] if model_name is not None else []
    total = connection.scalar(sa.select(sa.func.count()).select_from(prediction).where(*where)) or 0
    rows = connection.execute(last_words(*where), execution_options={"yield_per": 1000})
    return _measured(total, rows)


def _measured(total: int, rows: Iterable[Any]) -> Stats:
    predicted, labelled, versions = (defaultdict[str, Counter[bool]](Counter) for _ in range(3))
    pairs: Counter[tuple[str, str]] = Counter()
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for row in rows:
        right, label = row.verdict == "right", truth(row)
        predicted[row.label][right] += 1
        versions[f"{row.model_name} {row.model_version}"][right] += 1
        bins[min(int(row.probability * _BINS), _BINS - 1)].append((row.probability, right))
        if label is not None:
            labelled[label][right] += 1
            if not right and label != row.label:
                pairs[row.label, label] += 1
    judged = _sum(predicted.values())
    return Stats(
        predictions=total,
        judged=judged,
        classes=[
            OfClass(label, _share(predicted[label]), _share(labelled[label]))
            for label in sorted({*predicted, *labelled}, key=lambda label: (-predicted[label].total(), label))
        ],
        confused=[
            Confused(*pair, times)
            for pair, times in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:_PAIRS]
        ],
        calibration=list(_bins(bins)),
        ece=_ece(bins, judged.of),
        versions={name: _share(versions[name]) for name in sorted(versions)},
    )


def _share(counts: Counter[bool]) -> Share:
    return share(counts[True], counts.total())


def _sum(counters: Iterable[Counter[bool]]) -> Share:
    return _share(sum(counters, Counter[bool]()))


def _bins(bins: list[list[tuple[float, bool]]]) -> Iterator[Bin]:
    for number, entries in enumerate(bins):
        said, right = _means(entries) if entries else (None, None)
        yield Bin(number / _BINS, (number + 1) / _BINS, len(entries), said, right)


def _means(entries: list[tuple[float, bool]]) -> tuple[float, float]:
    return sum(said for said, _ in entries) / len(entries), sum(right for _, right in entries) / len(entries)


def _ece(bins: list[list[tuple[float, bool]]], judged: int) -> float | None:
    if not judged:
        return None
    gaps = ((len(entries), *_means(entries)) for entries in bins if entries)
    return sum(count * abs(said - right) for count, said, right in gaps) / judged
