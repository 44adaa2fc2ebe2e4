"""The About page's figures, from two scrapes of the backend's metrics."""

import pytest

from sightserve.client.scrape import parse
from sightserve.frontend.about.live import figures


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
