"""The figures that follow from what happened."""

import pytest

from sightserve.loadtest import record
from sightserve.loadtest.record import Event, Half, Outcome, Recorder, percentile


def event(at: float, seconds: float, outcome: Outcome = Outcome.OK, cause: str = "", *, answer: bool = True) -> Event:
    return Event(at, Half.API, "small photo", seconds, outcome, cause, answer)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100), (0.1, 1)])
def test_percentiles_are_by_nearest_rank(percent, expected):
    assert percentile(list(range(1, 101)), percent) == expected


def test_of_nothing_there_is_no_percentile():
    assert percentile([], 50) is None


def test_only_right_answers_count_for_the_time_to_an_answer():
    events = [event(1, 0.1), event(1, 9.0, Outcome.REFUSED), event(1, 9.0, Outcome.FAILED), event(1, 8.0, answer=False)]

    assert record.halves(events)["API"]["max"] == 0.1


def test_a_window_is_of_the_last_five_seconds():
    recorder = Recorder()
    for at in (1.0, 6.0, 9.0):
        recorder.add(event(at, at / 10))

    window = recorder.window(10.5)

    assert (window.count, window.answers, window.p99) == (2, 2, 0.9)  # 5.5 s to 10.5 s


def test_the_timeline_has_a_row_for_every_step_even_when_nothing_happened():
    rows = record.timeline([event(0.5, 0.1), event(4.5, 0.2, Outcome.FAILED)], [(0.0, 3), (4.0, 5)], step=2)

    assert [(row["t"], row["users"], row["ok"], row["failed"]) for row in rows] == [
        (0, 3, 1, 0),
        (2, 3, 0, 0),
        (4, 5, 0, 1),
    ]


def test_causes_come_with_their_number_the_commonest_first():
    events = [event(1, 1, Outcome.FAILED, "wrong_answer"), *[event(1, 1, Outcome.REFUSED, "overloaded")] * 2]

    found = [(cause["outcome"], cause["cause"], cause["count"]) for cause in record.causes(events)]

    assert found == [("refused", "overloaded", 2), ("failed", "wrong_answer", 1)]
