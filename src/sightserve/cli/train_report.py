"""What was measured of a training, on a terminal of 80 columns: the surest first, the rest is in its page."""

from pathlib import Path
from typing import Final

from sightserve.cli.tables import print_line, print_table, print_text
from sightserve.training.facts import OfClass, Report
from sightserve.training.report import words

_MOST_CLASSES: Final = 20
_MOST_PAIRS: Final = 5
_MOST_MISTAKES: Final = 10
_MOST_TWINS: Final = 5
_MOST_LEFT_OUT: Final = 5


def print_report(report: Report, page: Path) -> None:
    """Print it.

    Args:
        report: what was measured.
        page: where all of it is, with pictures.
    """
    print_line("")
    print_text(words.headline(report), style="bold")
    print_text(words.against_chance(report))
    print_text(words.learned_from(report), style="dim")
    _classes(report)
    _pairs(report)
    _mistakes(report)
    _twins(report)
    _left_out(report)
    print_line("")
    for sentence in (words.calibrated(report), words.none_of_these(report), words.learning_curve(report)):
        if sentence:
            print_text(sentence)
    if report.advice:
        _heading("What to do")
        for advice in report.advice:
            print_text(advice.words, indent=2)
    print_line("")
    print_text(f"With pictures: {page}")
    print_line("")
    print_line(f"  sightserve up --model {report.name}", style="bold")


def _heading(title: str) -> None:
    print_line("")
    print_line(title, style="bold")


def _more(count: int, what: str) -> None:
    if count > 0:
        print_text(f"and {words.counted(count, what)} more", indent=2, style="dim")


def _classes(report: Report) -> None:
    ordered = words.weakest_first(report)
    print_line("")
    print_table(
        ("class", "photos", "found", "right when it says so"),
        map(_class, ordered[:_MOST_CLASSES]),
        right=frozenset(("photos",)),
    )
    _more(len(ordered) - _MOST_CLASSES, "class")


def _class(each: OfClass) -> tuple[str, ...]:
    precision = each.precision
    return (
        f"{each.label} (wants more photos)" if each.wants_more else each.label,
        f"{each.photos:,}",
        f"{words.percent(each.recall.value)} ({words.between(each.recall)})",
        "never" if precision is None else f"{words.percent(precision.value)} ({words.between(precision)})",
    )


def _pairs(report: Report) -> None:
    pairs = words.confused(report)
    if not pairs:
        return
    _heading("Most confused")
    for pair in pairs[:_MOST_PAIRS]:
        print_text(f"{pair.count:,} of {pair.of:,} {pair.label}: it says {pair.predicted}", indent=2)
    _more(len(pairs) - _MOST_PAIRS, "pair")


def _mistakes(report: Report) -> None:
    if not report.mistakes:
        return
    _heading("The mistakes it is surest of; often a wrong label: look at them first")
    for each in report.mistakes[:_MOST_MISTAKES]:
        sure = words.percent(each.probability)
        print_text(f"{each.name}: {sure} {each.predicted}, its label is {each.label}", indent=2)
    _more(len(report.mistakes) - _MOST_MISTAKES, "photo")


def _twins(report: Report) -> None:
    if not report.twins:
        return
    _heading("Alike, in different classes; where it is the same photo, one label is wrong")
    for each in report.twins[:_MOST_TWINS]:
        print_text(f"{', '.join(each.names)}: {', '.join(dict.fromkeys(each.labels))}", indent=2)
    _more(len(report.twins) - _MOST_TWINS, "group")


def _left_out(report: Report) -> None:
    if not report.left_out:
        return
    _heading(f"Left out: {words.counted(len(report.left_out), 'photo')}")
    for each in report.left_out[:_MOST_LEFT_OUT]:
        print_text(f"{each.name}: {each.why}", indent=2)
    _more(len(report.left_out) - _MOST_LEFT_OUT, "photo")
