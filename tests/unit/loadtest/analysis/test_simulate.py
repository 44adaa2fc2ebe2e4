"""The simulation against what queueing theory says, and against the policy that it shares with the backend."""

import math
import random

import pytest

from sightserve.loadtest.analysis.capacity.simulate import Times, most_rps, simulate


def times(service: list[float], rest: float = 0.0, slots: int = 1) -> Times:
    return Times.from_samples(
        [[beside, s, rest] for beside in (0, 1, 2, 4, 7, 12, 20) for s in service * math.ceil(30 / len(service))],
        slots=slots,
    )


def test_random_service_times_wait_as_theory_says():
    """M/M/1: the time in the system is exponential with mean 1 / (mu - lambda): p50 = ln 2 / (mu - lambda)."""
    dice = random.Random(3)
    exponential = [dice.expovariate(100) for _ in range(4000)]  # mu = 100 a second

    found = simulate(times(exponential), 60, slots=1, requests=60_000, deadline=60, batch=1)

    # lambda = 60: p50 = 0.693 / 40 = 17.3 ms, p99 = ln 100 / 40 = 115 ms
    assert found.p50 == pytest.approx(math.log(2) / 40, rel=0.1)
    assert found.p99 == pytest.approx(math.log(100) / 40, rel=0.15)
    assert found.busy == pytest.approx(0.6, rel=0.05)


def test_answers_of_a_batch_come_together():
    """Hundreds wait for one slot, which takes eight at a time: 80 ms of work."""
    found = simulate(times([0.01]), 1000, slots=1, requests=400, deadline=60)
    one_by_one = simulate(times([0.01]), 1000, slots=1, requests=400, deadline=60, batch=1)

    assert found.busy == pytest.approx(one_by_one.busy, rel=0.02)
    # the mean photo of eight waits for 3.5 others, 35 ms, beyond its own turn
    assert 0.02 < found.p50 - one_by_one.p50 < 0.05


def test_the_rest_of_an_answer_takes_no_slot():
    found = simulate(times([0.01], rest=0.5), 50, slots=1, requests=5_000)

    assert found.p50 > 0.51  # 10 ms of work and 500 ms on the way
    assert found.busy == pytest.approx(0.5, rel=0.1)  # 50 a second, 10 ms each


def test_what_would_come_too_late_is_refused_at_once():
    """Three times what one slot can do: a third is answered, and nobody waits for longer than the deadline."""
    found = simulate(times([0.02]), 150, slots=1, requests=10_000, deadline=0.5)

    assert found.refused == pytest.approx(2 / 3, abs=0.05)
    assert found.p99 <= 0.5 + 0.02


def test_the_same_seed_gives_the_same_day():
    assert simulate(times([0.01]), 50, slots=2, requests=2000) == simulate(times([0.01]), 50, slots=2, requests=2000)


def test_more_slots_carry_more_and_a_tighter_goal_carries_less():
    measured = times([0.01])

    one, two = (most_rps(measured, 0.1, 99, slots=slots, requests=3_000)[0] for slots in (1, 2))
    tight = most_rps(measured, 0.02, 99, slots=1, requests=3_000)[0]

    assert tight < one < 100  # a slot does 100 a second and no more
    assert two > 1.9 * one


def test_a_goal_below_the_work_itself_cannot_be_kept():
    assert most_rps(times([0.05]), 0.01, 50, slots=4) == (0.0, None)


def test_times_come_from_the_class_that_was_measured_nearest():
    measured = Times.from_samples([[0, 0.01, 0.0]] * 50 + [[2, 0.03, 0.0]] * 50, slots=2)

    dice = random.Random(1)
    alone, busy = measured.draw(0, 2, dice), measured.draw(40, 2, dice)

    assert (alone[0], busy[0]) == (0.01, 0.03)


def test_too_few_answers_say_nothing():
    with pytest.raises(ValueError, match="at least 30"):
        Times.from_samples([[0, 0.01, 0.0]] * 5, slots=2)
