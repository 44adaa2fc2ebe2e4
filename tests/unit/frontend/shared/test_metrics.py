"""What is counted of questions to the backend."""

import pytest

from sightserve.api.schema import Problem
from sightserve.client import ApiError, BackendNotFound, BackendTimeout
from sightserve.client.errors import (
    BackendUnreachable,
    ClientError,
    ConnectionBroken,
    GatewayError,
    InvalidAnswer,
)
from sightserve.frontend.shared import metrics as counts
from sightserve.frontend.shared.metrics import Metrics, outcome


@pytest.fixture
def value(monkeypatch):
    """Fresh metrics, and what they say."""
    fresh = Metrics()
    monkeypatch.setattr(counts, "metrics", lambda: fresh)
    return lambda name, **labels: fresh.registry.get_sample_value(f"sightserve_ui_{name}", labels)


def problem(status):
    return ApiError(Problem(type="t", title="t", status=status, detail="d", code="c"))


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (BackendNotFound(()), "unreachable"),
        (BackendUnreachable("x"), "unreachable"),
        (ConnectionBroken("x"), "unreachable"),
        (BackendTimeout("x"), "timeout"),
        (problem(503), "busy"),
        (problem(429), "busy"),
        (GatewayError("x", 502), "busy"),
        (problem(415), "refused"),
        (problem(500), "failed"),
        (InvalidAnswer("x"), "failed"),
        (GatewayError("x", 413), "failed"),
    ],
)
def test_each_error_has_one_of_few_words(error, word):
    assert outcome(error) == word


def test_an_answer_is_counted_with_its_time(value):
    assert counts.answers("photo")(lambda photo: photo + 1)(1) == 2

    assert value("answers_total", about="photo", outcome="answered") == 1
    assert value("answer_seconds_count", about="photo") == 1


def test_a_failure_is_counted_by_its_word_and_has_no_time(value):
    def ask(_photo: bytes) -> None:
        raise problem(503)

    with pytest.raises(ClientError):
        counts.answers("photo")(ask)(b"")

    assert value("answers_total", about="photo", outcome="busy") == 1
    assert value("answers_total", about="photo", outcome="answered") is None
    assert value("answer_seconds_count", about="photo") is None
