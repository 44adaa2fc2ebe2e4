import math
from itertools import pairwise

import pytest
from bench.schedule import Outcome, Phase, arrivals, growth, recovery, summary


def test_constant_arrivals_are_evenly_spaced_and_phases_follow_each_other():
    times = arrivals([Phase(rate=2, seconds=1), Phase(rate=4, seconds=0.5)])

    assert times == [0, 0.5, 1.0, 1.25]


def test_poisson_arrivals_keep_the_rate_and_vary_as_they_should():
    times = arrivals([Phase(rate=100, seconds=100, poisson=True)])
    gaps = [b - a for a, b in pairwise(times)]

    assert len(times) == pytest.approx(10_000, rel=0.05)  # standard deviation of a Poisson count: 100, 1 %
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert deviation == pytest.approx(mean, rel=0.1)  # of an exponential distribution they are equal
    assert times == sorted(times)
    assert times[-1] < 100


def test_arrivals_are_the_same_for_the_same_seed_and_others_for_another():
    phases = [Phase(rate=10, seconds=5, poisson=True)]

    assert arrivals(phases, seed=7) == arrivals(phases, seed=7)
    assert arrivals(phases, seed=7) != arrivals(phases, seed=8)


def test_summary_tells_in_time_late_refused_and_broken_apart():
    outcomes = [
        Outcome(0.0, 0.0, 0.1, 200),
        Outcome(0.0, 0.5, 2.5, 200),  # 2.0 s after it was sent, but 2.5 s after it was due: late
        Outcome(1.0, 1.0, 1.01, 503),
        Outcome(1.0, 1.0, 1.03, 429),
        Outcome(2.0, 2.0, 12.0, 0),
        Outcome(2.0, 2.0, 2.1, 500),
        Outcome(2.0, 2.0, 4.1, 504),
    ]

    figures = summary(outcomes, deadline=2.0, seconds=3.0)

    assert figures["offered_s"] == pytest.approx(7 / 3)
    assert figures["goodput_s"] == pytest.approx(1 / 3)
    assert [figures[name] for name in ("late", "refused", "expired", "broken")] == [1, 2, 1, 2]
    assert figures["p50_ms"] == pytest.approx(100)
    assert figures["p99_ms"] == pytest.approx(2500)
    assert figures["refused_p50_ms"] == pytest.approx(10)
    assert figures["lag_p99_ms"] == pytest.approx(500)


def test_summary_of_a_server_that_accepts_nothing_has_no_latency():
    figures = summary([Outcome(0, 0, 0.01, 503)], deadline=2, seconds=1)

    assert "p50_ms" not in figures
    assert figures["goodput_s"] == 0


def _probes(*latencies: float, start: float = 0.0, status: int = 200) -> list[Outcome]:
    return [Outcome(start + n, start + n, start + n + latency, status) for n, latency in enumerate(latencies)]


def test_recovery_is_when_latency_is_normal_for_good():
    before = _probes(0.05, 0.05, 0.05)

    after = _probes(0.04, 0.9, 0.06, 0.05, start=10)  # the first is quick by luck: the second still waits

    assert recovery(before, after, end=10) == pytest.approx(2)
    assert recovery(before, _probes(0.05, start=10), end=10) == 0
    assert recovery(before, _probes(0.05, 0.9, start=10), end=10) == math.inf
    assert recovery(before, _probes(0.01, start=10, status=503), end=10) == math.inf


def test_growth_compares_the_last_quarter_with_the_second():
    filling = [(float(n), mib) for n, mib in enumerate([50, 80, 100, 100, 100, 100, 110, 110])]

    assert growth(filling) == pytest.approx(0.1)  # 110 / 100: the first quarter, 50 and 80, does not count
