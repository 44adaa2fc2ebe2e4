"""How many users there are, and when a ramp has found the knee."""

import pytest

from sightserve.loadtest.goals import Goals, InvalidValue
from sightserve.loadtest.plan import Plan, Shape, from_environment
from sightserve.loadtest.shapes import KneeFinder, Window, users_at

GOALS = Goals(p95=0.5, failures=0.01, refusals=0.05)


def window(p95: float = 0.1, failed: int = 0, refused: int = 0) -> Window:
    return Window(count=100, failed=failed, refused=refused, answers=100, p50=0.05, p95=p95, p99=p95)


def plan(shape: Shape) -> Plan:
    return Plan(backend="http://127.0.0.1", users=100, spawn_rate=2, seconds=60, shape=shape)


def test_a_ramp_adds_users_until_there_are_enough():
    # two a second, the first at once
    assert [users_at(plan(Shape.RAMP), at) for at in (0, 10, 59)] == [1, 21, 100]


def test_a_spike_is_the_middle_third():
    assert [users_at(plan(Shape.SPIKE), at) for at in (10, 30, 50)] == [20, 100, 20]


def test_every_shape_ends_with_its_time():
    assert [users_at(plan(shape), 60.0) for shape in Shape] == [None] * 4


def test_the_knee_is_the_last_load_with_which_the_goals_were_kept():
    finder = KneeFinder(GOALS)
    for second in range(10):
        assert finder.look(second, users=second + 1, window=window()) is None

    looks = [finder.look(10 + second, users=20, window=window(p95=0.9)) for second in range(5)]

    assert looks[:4] == [None] * 4  # a single slow second is no limit
    knee = looks[4]
    assert knee is not None
    assert (knee.at, knee.users, knee.answers_s) == (9, 10, 20.0)  # 100 answers in a window of 5 s
    assert "p95 is 0.90 s" in knee.broken


@pytest.mark.parametrize("bad", [window(failed=2), window(refused=6)])
def test_failures_and_refusals_break_a_ramp_too(bad):
    finder = KneeFinder(GOALS)

    looks = [finder.look(second, 5, bad) for second in range(5)]

    assert looks[-1] is not None


def test_a_slow_second_between_good_ones_breaks_nothing():
    finder = KneeFinder(GOALS)

    looks = [finder.look(second, 5, window(p95=0.9 if second % 3 else 0.1)) for second in range(30)]

    assert looks == [None] * 30


def test_the_plan_survives_its_way_through_the_environment():
    sent = Plan(backend="http://x", shape=Shape.RAMP, goals=GOALS, photos="a b")

    assert from_environment(sent.to_environment()) == sent


@pytest.mark.parametrize(
    "wrong",
    [
        Plan(),
        Plan(backend="127.0.0.1:8000"),
        Plan(backend="http://x", users=0),
        Plan(frontend="http://x", shape=Shape.ARRIVALS),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(wrong):
    with pytest.raises(InvalidValue):
        wrong.check()
