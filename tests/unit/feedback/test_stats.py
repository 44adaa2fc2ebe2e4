"""How right answers were and how what people send changes, in numbers that can be checked by hand."""

from datetime import timedelta

import pytest
from tests.feedback import AT, predicted, said

from sightserve.feedback import drift, stats
from sightserve.feedback.database import open_database
from sightserve.feedback.records import Verdict


@pytest.fixture
def measured(recorder, url):
    kept = recorder(url)
    judged: list[tuple[str, float, Verdict, str | None]] = [
        ("tabby", 0.95, "right", None),
        ("tabby", 0.92, "right", None),
        ("tabby", 0.91, "wrong", "lynx"),
        ("lynx", 0.55, "wrong", "tabby"),
        ("lynx", 0.52, "wrong", None),
        ("lynx", 1.0, "right", None),
    ]
    for label, probability, verdict, truth in judged:
        made = predicted(label, probability)
        kept.predicted(made)
        kept.judged(said(made, "wrong" if verdict == "right" else "right"))  # which they took back
        kept.judged(said(made, verdict, truth, after=9)).result(5)
    kept.predicted(predicted(version="2.0"))
    kept.close(5)
    with open_database(url, environment={}).reading() as connection:
        return stats.measure(connection, "cats")


def test_what_is_right_by_class_by_pair_and_by_probability(measured):
    assert (measured.predictions, measured.judged.right, measured.judged.of) == (7, 3, 6)
    assert measured.judged.low == pytest.approx(0.1876, abs=1e-4)  # Wilson's for 3 of 6, symmetric
    assert measured.judged.high == pytest.approx(0.8124, abs=1e-4)
    of = {
        each.label: (each.answers.right, each.answers.of, each.found.right, each.found.of) for each in measured.classes
    }
    assert of == {"tabby": (2, 3, 2, 3), "lynx": (1, 3, 1, 2)}
    assert {(each.predicted, each.label, each.times) for each in measured.confused} == {
        ("tabby", "lynx", 1),
        ("lynx", "tabby", 1),
    }
    assert list(measured.versions) == ["cats 1.0"]


def test_calibration_compares_what_was_said_with_what_was_so(measured):
    used = {each.low: each for each in measured.calibration if each.judged}

    assert len(measured.calibration) == 10
    assert (used[0.5].judged, used[0.9].judged) == (2, 4)
    assert used[0.9].said == pytest.approx((0.95 + 0.92 + 0.91 + 1) / 4)
    # 2 of 6 with a gap of 0.535, 4 of 6 with one of 0.945 - 0.75
    assert measured.ece == pytest.approx(2 / 6 * 0.535 + 4 / 6 * 0.195)


def test_weeks_are_compared_with_the_first_ones(recorder, url):
    kept = recorder(url, days=3650)
    for week, label, kind, count in ((0, "tabby", "JPEG", 40), (1, "tabby", "JPEG", 40), (2, "lynx", "PNG", 40)):
        for _ in range(count):
            kept.predicted(predicted(label, kind=kind, at=AT + timedelta(weeks=week), recognised=label == "tabby"))
    kept.close(5)

    with open_database(url, environment={}).reading() as connection:
        first, same, other = drift.by_week(connection)

    assert [each.week for each in (first, same, other)] == ["2026-W48", "2026-W49", "2026-W50"]
    assert first.divergence is None
    assert same.divergence == 0
    assert other.divergence == 1  # no label in both
    assert (other.unsure, other.formats, other.megapixels) == (1, {"PNG": 1}, 2)
    assert other.chance is not None
    assert other.chance < 0.2


def test_the_divergence_is_lins_and_chance_is_what_chance_does():
    # 1/2 (1 log2(1/0.75) + 1/2 log2(0.5/0.75) + 1/2 log2(0.5/0.25))
    assert drift.divergence({"a": 4}, {"a": 5, "b": 5}) == pytest.approx(0.3113, abs=1e-4)
    many = {str(label): 100 for label in range(10)}
    few = {str(label): 1 for label in range(10)}

    # chi-squared's 95 % quantile with 9 degrees is 16.92; times (1/1000 + 1/1000) / (8 ln 2)
    assert drift.chance(many, many) == pytest.approx(16.92 * 0.002 / 5.545, rel=0.01)
    assert 0.1 < drift.chance(few, many) < 0.6
    assert drift.chance({"a": 3}, {"a": 9}) == 0
    assert stats.share(0, 0) == stats.Share(0, 0, None, None, None)
