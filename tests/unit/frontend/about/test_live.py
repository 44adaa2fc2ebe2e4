"""The About page's figures, from two scrapes of the backend's metrics."""

import pytest

from sightserve.client.scrape import Scrape, parse
from sightserve.frontend.about.live import comparable, figures


def test_all_figures_of_a_backend_that_says_nothing_are_none():
    nothing = figures(None, parse("", at=0))

    assert (nothing.per_second, nothing.median, nothing.queue) == (None, None, None)


def test_errors_are_counted_by_status():
    text = 'sightserve_http_requests_total{method="POST",route="/predict",status="%s"} %d\n'
    before = parse(text % ("200", 0) + text % ("503", 0), at=0)
    after = parse(text % ("200", 40) + text % ("503", 10), at=10)

    now = figures(before, after)

    assert now.per_second == pytest.approx(5.0)
    assert now.failed == pytest.approx(1.0)


def scrape(instance: str, requests: int, at: float) -> Scrape:
    counted = f'sightserve_http_requests_total{{method="POST",route="/predict",status="200"}} {requests}'
    return parse(f'sightserve_instance_info{{id="{instance}"}} 1\n{counted}\n', at)


def test_of_two_backends_in_turn_the_figures_are_those_of_one():
    """One has answered 858,150 photos and one none: 100 more in five seconds are 20 a second, not 171,630."""
    scrapes = [scrape("old", 858_150, 0), scrape("new", 0, 5), scrape("old", 858_350, 10), scrape("new", 100, 10)]

    alike, several = comparable(scrapes)

    assert several
    assert figures(alike[0], alike[-1]).per_second == pytest.approx(20.0)


def test_one_backend_is_not_one_of_several():
    scrapes = [scrape("only", 0, 0), scrape("only", 10, 5)]

    assert comparable(scrapes) == (scrapes, False)
