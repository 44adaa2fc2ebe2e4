"""Prometheus text, read."""

import pytest

from sightserve.client.scrape import parse, quantile, rate

HISTOGRAM = """
# HELP t A histogram.
t_bucket{le="0.1",route="/a"} %d
t_bucket{le="0.2",route="/a"} %d
t_bucket{le="+Inf",route="/a"} %d
"""


def test_samples_are_read_up_to_what_is_none():
    scrape = parse('a 1\nb{x="1",y="a \\"b\\""} 2.5 1700000000\n# a 7\nc NaN-ish\n', at=0)

    assert scrape.total("a") == 1
    assert scrape.total("b") == 2.5
    assert scrape.total("b", x="1") == 2.5
    assert scrape.total("b", x="2") is None
    assert scrape.total("c") is None


def test_a_quantile_is_linear_within_its_bucket():
    scrape = parse(HISTOGRAM % (0, 10, 10), at=0)

    # the 5th of 10 in (0.1, 0.2]
    assert quantile(0.5, None, scrape, "t") == pytest.approx(0.15)


def test_a_quantile_between_two_scrapes_is_that_of_what_came_in_between():
    before, after = parse(HISTOGRAM % (100, 100, 100), at=0), parse(HISTOGRAM % (100, 110, 110), at=5)

    assert quantile(0.5, before, after, "t") == pytest.approx(0.15)


@pytest.mark.parametrize("text", ["", HISTOGRAM % (0, 0, 0)])
def test_a_quantile_of_nothing_is_none(text):
    assert quantile(0.5, None, parse(text, at=0), "t") is None


def test_beyond_the_last_bound_the_bound_is_all_that_is_known():
    assert quantile(0.9, None, parse(HISTOGRAM % (0, 0, 10), at=0), "t") == pytest.approx(0.2)


def test_a_restarted_backend_gives_no_rate_rather_than_a_wrong_one():
    before, after = parse("a 100", at=0), parse("a 3", at=5)

    assert rate(before, after, "a") is None
    assert rate(parse("a 1", at=0), parse("a 11", at=5), "a") == 2


@pytest.mark.parametrize("text", ["nonsense", "<html>a {b} c</html>", "a{", 'a{b="', "a} 1", "\x00", "# HELP"])
def test_what_is_no_metrics_has_no_samples(text):
    assert not parse(text, at=0).samples


def test_two_backends_behind_one_address_are_not_compared():
    """Each has counts of its own: their difference says nothing."""
    text = 'sightserve_instance_info{id="%s"} 1\na %d\n' + HISTOGRAM % (100, 100, 100)
    one, other = parse(text % ("one", 100), at=0), parse(text % ("other", 858_150), at=5)

    assert rate(one, other, "a") is None
    assert quantile(0.5, one, other, "t") is None
    assert rate(one, parse(text % ("one", 200), at=5), "a") == 20
