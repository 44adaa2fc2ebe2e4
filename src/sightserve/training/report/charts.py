"""facts -> [the confusion matrix as a table, the learning curve as a drawing] -> page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sightserve.training.facts import Report
from sightserve.training.report.markup import attribute, table, text
from sightserve.training.report.words import confused, counted, percent, points

MOST_OF_MATRIX: Final = 30  # classes: more are no picture any more
_MOST_PAIRS: Final = 40
_SHADES: Final = 5
_WIDTH, _HEIGHT = 380, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 26, 14, 40
_APART: Final = 34  # px between two numbers
_FINE: Final = 0.6  # accuracy: a drawing that begins above it has a figure at each line


def matrix(report: Report) -> str:
    """Return what is taken for what: a coloured table; the pairs that are confused most where it would be too large."""
    if len(report.labels) > MOST_OF_MATRIX:
        return _pairs(report)
    heads = "".join(
        f'<th scope="col" title="{attribute(label)}"><span>{text(label)}</span></th>' for label in report.labels
    )
    rows = "".join(_row(at, label, report) for at, label in enumerate(report.labels))
    return (
        '<p class="small">A row: what photos show. A column: what it says of them. Right answers are green: the diagonal.</p>'
        '<div class="wide" role="region" tabindex="0" aria-label="Confusion matrix"><table class="matrix">'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(at: int, label: str, report: Report) -> str:
    counts = report.confusion[at]
    total = sum(counts) or 1
    cells = []
    for other, count in enumerate(counts):
        shade = min(_SHADES, math.ceil(_SHADES * count / total))
        kind = f' class="{"right" if other == at else "wrong"}{shade}"' if count else ' class="none"'
        cells.append(f"<td{kind}>{count or '<span aria-hidden=true>·</span>'}</td>")
    return f'<tr><th scope="row" title="{attribute(label)}">{text(label)}</th>{"".join(cells)}</tr>'


def _pairs(report: Report) -> str:
    rows = [
        (text(pair.label), text(pair.predicted), f"{pair.count:,} of {pair.of:,}")
        for pair in confused(report)[:_MOST_PAIRS]
    ]
    return (
        table(("It shows", "It says", "Photos"), rows, kind="pairs", caption="The pairs that are confused most")
        if rows
        else ""
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where on the drawing a point lies: photos of a class across, each doubling as wide; accuracy upwards.

    Attributes:
        fewest, most: photos.
        floor: the least accuracy that is on it.
    """

    fewest: int
    most: int
    floor: float

    def x(self, photos: int) -> float:
        wide = math.log(self.most / self.fewest) or 1.0
        return _LEFT + math.log(photos / self.fewest) / wide * (_WIDTH - _LEFT - _RIGHT)

    def y(self, share: float) -> float:
        up = (share - self.floor) / (1 - self.floor)
        return _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    def path(self, kind: str, along: Sequence[tuple[int, float]]) -> str:
        steps = " ".join(f"{self.x(photos):.1f},{self.y(share):.1f}" for photos, share in along)
        return f'<polyline class="{kind}" points="{steps}"/>'

    def grid(self) -> Iterator[str]:
        for tenths in range(round(self.floor * 10), 11):
            y = self.y(tenths / 10)
            yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            if tenths % 2 == 0 or self.floor >= _FINE:
                yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tenths * 10}%</text>'


def curve(report: Report) -> str:
    """Return how accuracy grows with photos, and what the next doubling is expected to bring, as a drawing."""
    known = [(point.photos, point.accuracy) for point in points(report) if point.photos > 0]
    if len({photos for photos, _ in known}) < 2:  # noqa: PLR2004 - a curve has two points
        return ""
    expected = [] if report.expected_at_double is None else [(known[-1][0] * 2, report.expected_at_double)]
    every = known + expected
    floor = min(math.floor(min(share for _, share in every) * 10) / 10, 0.9)
    frame = _Frame(every[0][0], every[-1][0], floor)
    drawn = [*frame.grid(), *_counts(frame, every), frame.path("curve", known)]
    if expected:
        drawn.append(frame.path("expected", [known[-1], *expected]))
    for photos, share in every:
        kind = "expected" if (photos, share) in expected else "known"
        drawn.append(f'<circle class="{kind}" cx="{frame.x(photos):.1f}" cy="{frame.y(share):.1f}" r="4"/>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    drawn.append(f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">photos of each class, on average</text>')
    said = "; ".join(f"{counted(photos, 'photo')} of each class: {percent(share)}" for photos, share in known)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{attribute(said)}">'
        f"{''.join(drawn)}</svg>"
    )


def _counts(frame: _Frame, every: Sequence[tuple[int, float]]) -> Iterator[str]:
    """Yield the numbers below the drawing: from the right, those that have room."""
    free = math.inf
    for photos, _ in reversed(every):
        x = frame.x(photos)
        if x <= free - _APART:
            free = x
            yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{photos:,}</text>'
