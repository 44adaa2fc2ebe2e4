"""Instances and dollars, by hand."""

import json

import pytest

from sightserve.loadtest.analysis.capacity import plan
from sightserve.loadtest.analysis.capacity.plan import Service
from sightserve.loadtest.analysis.capacity.simulate import Times
from sightserve.loadtest.analysis.schema import SCHEMA, check
from sightserve.loadtest.goals import InvalidValue

TIMES = Times.from_samples([[beside, 0.01, 0.001] for beside in (0, 1, 2, 4, 7, 12, 20) for _ in range(40)], slots=2)


def test_a_month_of_one_instance_costs_what_the_list_says():
    prices = {"instance_vcpu_second": 0.00002, "instance_gib_second": 0.000002}

    # 2 vCPU x 0.00002 + 1 GiB x 0.000002 = 0.000042 a second; 730 h are 2,628,000 s: 110.38
    assert plan.month(1, 2, 1.0, prices) == pytest.approx(110.376)


def test_instances_are_enough_for_the_load_at_the_autoscalers_target():
    service, usual = plan.backend(TIMES, rps=1000, goal=0.3, percent=99, requests=1_500)

    # 10 ms a photo: a vCPU does 100 a second, and at 60 % of that 60: 1,000 need 16.7 vCPU
    assert service.instances * service.vcpu == pytest.approx(1000 / 60, rel=0.25)
    assert usual.p99 < 0.3


def test_a_goal_that_no_instance_keeps_is_an_error_and_no_number():
    with pytest.raises(InvalidValue, match="even alone"):
        plan.backend(TIMES, rps=10, goal=0.005, percent=99, requests=500)


def test_from_decade_to_decade_the_instances_grow_and_limits_are_passed_in_order():
    service = Service("backend", 1, 2, 1.0, 20, 100.0, 100.0, "")

    rows = plan.decades(service, photo_bytes=100_000)

    assert [row["rps"] for row in rows] == [10, 100, 1_000, 10_000, 100_000, 1_000_000]
    assert [row["instances"] for row in rows] == [1, 1, 10, 100, 1_000, 10_000]
    assert rows[5]["gbit_in"] == pytest.approx(800)  # a million a second of 100 kB are 100 GB/s
    thresholds = [limit.rps for limit in plan.limits_of(service)]
    assert thresholds == sorted(thresholds)
    assert "vCPU" in rows[4]["passed"]  # 1,000 instances of 2 vCPU are more than a region's baseline


@pytest.mark.parametrize("found", [None, [], {}, {"schema": "sightserve-loadtest/0"}])
def test_another_file_than_a_report_is_refused(found):
    with pytest.raises(InvalidValue, match=SCHEMA):
        check(json.loads(json.dumps(found)))


def test_prices_and_limits_say_when_and_where_they_were_read():
    for name in ("prices", "limits"):
        found = plan.data(name)

        assert found["as_of"]
        assert all("cloud.google.com" in source for source in found["sources"].values())
