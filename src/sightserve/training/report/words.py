"""facts -> [sentences] -> terminal, page. The same figures in the same words wherever they are told."""

from dataclasses import dataclass
from typing import Final

from sightserve.training.facts import CurvePoint, Interval, OfClass, Report

_NOTHING_MORE: Final = 0.005  # what more photos would bring, when it is not worth a word
_OFF: Final = 0.05  # calibration error
_FAR_OFF: Final = 0.15
_NEARLY: Final = 0.995  # what would round to all of them


@dataclass(frozen=True, slots=True)
class Pair:
    """So many of the photos of one class are taken for another."""

    count: int
    of: int
    label: str
    predicted: str


def percent(share: float) -> str:
    """Return a share as people write it; all or none only where it is all or none."""
    if 0 < share < 1 - _NEARLY:
        return f"{max(share, 0.001):.1%}"
    return f"{min(share, 0.999):.1%}" if _NEARLY <= share < 1 else f"{share:.0%}"


def between(interval: Interval) -> str:
    """Return between what it lies: `88 to 97%`."""
    return f"{percent(interval.low).removesuffix('%')} to {percent(interval.high)}"


def counted(count: int, what: str) -> str:
    """Return `1 photo`, `1,200 photos`."""
    if count == 1:
        return f"1 {what}"
    return f"{count:,} {what}" + ("es" if what.endswith("s") else "s")


def headline(report: Report) -> str:
    """Return how right it is: `Right on 94 of 100 photos it had not seen (88 to 97%)`."""
    asked = sum(map(sum, report.confusion))
    right = sum(row[index] for index, row in enumerate(report.confusion))
    if asked and abs(right / asked - report.accuracy.value) < _NOTHING_MORE:
        share = "" if asked == 100 else f"{percent(report.accuracy.value)}, "  # noqa: PLR2004 - it says it already
        return f"Right on {right:,} of {asked:,} photos it had not seen ({share}{between(report.accuracy)})"
    return f"Right on {percent(report.accuracy.value)} of the photos it had not seen ({between(report.accuracy)})"


def against_chance(report: Report) -> str:
    """Return what that is to be held against."""
    largest = max(report.classes, key=lambda each: each.photos).label if report.classes else "the largest class"
    return (
        f"Always saying {largest} would be right on {percent(report.chance)}; on the photos that it learned from, it is "
        f"right on {percent(report.training_accuracy)}."
    )


def confused(report: Report) -> list[Pair]:
    """Return which classes are taken for which, most photos first."""
    pairs = [
        Pair(count, sum(row), report.labels[at], report.labels[other])
        for at, row in enumerate(report.confusion)
        for other, count in enumerate(row)
        if other != at and count
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.count / pair.of, pair.label, pair.predicted))


def weakest_first(report: Report) -> list[OfClass]:
    """Return the classes, those first of which it knows the fewest photos."""
    return sorted(report.classes, key=lambda each: (each.recall.value, each.label))


def points(report: Report) -> tuple[CurvePoint, ...]:
    """Return the learning curve from few photos to many."""
    return tuple(sorted(report.curve, key=lambda point: point.photos))


def more_photos(report: Report) -> str:
    """Return what more photos would bring; empty where nothing is known."""
    double = report.expected_at_double
    if double is None:
        return ""
    if double <= report.accuracy.value + _NOTHING_MORE:
        return "Twice as many photos like these would bring next to nothing."
    return f"Twice as many photos would bring about {percent(double)}."


def learning_curve(report: Report) -> str:
    """Return how it grew with photos, in a line; empty where that is not known."""
    known = points(report)
    if not known:
        return ""
    photos = ", ".join(f"{point.photos:,}" for point in known)
    right = ", ".join(percent(point.accuracy).removesuffix("%") for point in known)
    return f"With {photos} photos of each class it is right on {right}%. {more_photos(report)}".rstrip()


def calibrated(report: Report) -> str:
    """Return how far its probabilities are to be believed."""
    off = f"{report.calibration_after * 100:.0f}" if report.calibration_after >= 0.015 else "1 or less"  # noqa: PLR2004
    if report.calibration_after >= _FAR_OFF:
        return f"Its probabilities are {off} points off on average: lean on its labels, not on how sure it is."
    if report.calibration_after >= _OFF:
        return f"Take how sure it is roughly: on photos it had not seen, its probabilities are {off} points off on average."
    return (
        f"Where it is 80% sure, it is right on about 80 of 100: on photos it had not seen, its probabilities are {off} points "
        "off on average."
    )


def none_of_these(report: Report) -> str:
    """Return when it answers none of these; empty where it never does."""
    if report.least_probability is None:
        return ""
    kept = (
        ""
        if report.kept_at_least is None
        else f"; {percent(report.kept_at_least)} of its right answers are at least so sure"
    )
    return f"An answer that is less than {percent(report.least_probability)} sure counts as none of these{kept}."


def learned_from(report: Report) -> str:
    """Return what it was made of, in a line."""
    parts = [
        f"{counted(report.photos, 'photo')} of {counted(len(report.labels), 'class')}",
        f"features of {report.base}",
        *([counted(report.corrections, "correction") + " among them"] if report.corrections else []),
        *(["seen otherwise too: " + ", ".join(report.views)] if report.views else []),
        f"{report.seconds:,.0f} s" if report.seconds >= 1 else "a moment",
    ]
    return " · ".join(parts)
