"""What the web app says."""

import pytest

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Problem
from sightserve.client import ApiError, BackendTimeout, BackendUnreachable, ClientError, InvalidAnswer
from sightserve.frontend.words import confidence, explain


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "Very sure"),
        (0.9, "Very sure"),
        (0.89, "Fairly sure"),
        (0.4, "Leaning"),
        (0.1, "Not sure"),
        (0.0, "Not sure"),
    ],
)
def test_confidence_in_words(probability, words):
    assert confidence(probability).startswith(words)


@pytest.mark.parametrize("code", [*ErrorCode, "a_code_from_the_future"])
def test_every_code_has_a_friendly_message_that_says_what_to_do(code):
    body = Problem(type="about:blank", title="t", status=400, detail="technical detail", code=code)

    message = explain(ApiError(body))

    assert message.what
    assert message.do
    assert "technical" not in message.what + message.do


@pytest.mark.parametrize("error", [BackendUnreachable("x"), BackendTimeout("x"), InvalidAnswer("x"), ClientError("x")])
def test_every_other_error_has_one_too(error):
    message = explain(error)

    assert message.what
    assert message.do
