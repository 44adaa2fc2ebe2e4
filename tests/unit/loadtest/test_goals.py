"""Goals are read strictly, and a run either kept them or did not."""

import pytest

from sightserve.loadtest.goals import Goals, InvalidValue, duration, judge, share


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1.5m", 90.0), ("1h", 3600.0), (" 2s ", 2.0)]
)
def test_a_time_has_a_unit(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["500", "", "0s", "-1s", "2 s", "1e3ms", "2sec", "s", "1s2s", "nans"])
def test_a_time_that_could_mean_two_things_is_refused(text):
    with pytest.raises(InvalidValue, match="is no time"):
        duration(text)


@pytest.mark.parametrize(("text", "part"), [("1%", 0.01), ("0%", 0.0), ("0.5%", 0.005), ("100%", 1.0)])
def test_a_share_has_a_per_cent_sign(text, part):
    assert share(text) == pytest.approx(part)


@pytest.mark.parametrize("text", ["1", "0.01", "-1%", "101%", "%", "1 %", "x%"])
def test_a_share_without_its_sign_or_out_of_range_is_refused(text):
    with pytest.raises(InvalidValue, match="is no share"):
        share(text)


def test_each_half_has_to_keep_the_goal_for_answers():
    halves = {"API": {"p95": 0.2}, "web app": {"p95": 0.7}}

    verdicts = judge(Goals(p95=0.5), halves, {"count": 10, "failed": 0, "refused": 0})

    assert [(verdict.goal, verdict.met) for verdict in verdicts] == [("API p95", True), ("web app p95", False)]


def test_a_refusal_is_no_failure():
    totals = {"count": 100, "failed": 1, "refused": 30}  # 1 % failed, 30 % refused

    verdicts = judge(Goals(failures=0.01, refusals=0.1), {}, totals)

    assert [(verdict.goal, verdict.met) for verdict in verdicts] == [("failures", True), ("refusals", False)]


def test_a_goal_that_could_not_be_measured_was_not_kept():
    nothing = {"count": 0, "failed": 0, "refused": 0}

    verdicts = judge(Goals(p95=1.0, failures=0.5), {"API": {"p95": None}}, nothing)

    assert [verdict.met for verdict in verdicts] == [False, False]
