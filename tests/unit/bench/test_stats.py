import math

import pytest
from bench.stats import median, medians, percentile, spread


def test_percentile_is_always_a_value_that_was_measured():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]

    assert percentile(values, 50) == 3.0
    assert percentile(values, 99) == 5.0
    assert percentile(values, 20) == 1.0  # 1 of 5 is 20 %
    assert percentile(values, 0) == 1.0


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 101), ([1.0], -1)])
def test_percentile_refuses_what_has_none(values, percent):
    with pytest.raises(ValueError, match=r"percent|between"):
        percentile(values, percent)


def test_spread_is_half_the_range_over_the_median():
    assert spread([90, 100, 110]) == pytest.approx(0.1)  # (110 - 90) / 2 / 100
    assert spread([100]) == 0
    assert math.isnan(spread([-1, 0, 1]))


def test_the_median_of_nothing_is_not_a_number():
    assert math.isnan(median([]))


def test_medians_count_a_figure_where_it_was_measured():
    assert medians([{"a": 1, "b": 7}, {"a": 3}, {"a": 2}]) == {"a": 2, "b": 7}
