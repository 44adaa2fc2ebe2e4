"""Asking until there is an answer."""

import threading
import time

import pytest

from sightserve.api.schema import Problem
from sightserve.client import ApiError, BackendUnreachable, ClientError, InvalidAnswer
from sightserve.client.patience import GivenUp, Patience


def refusal(status: int, retry_after: float | None = 0.05) -> ApiError:
    return ApiError(Problem(type="about:blank", title="", status=status, detail="", code="overloaded"), retry_after)


class Backend:
    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "cat"


@pytest.mark.parametrize(
    "failure", [refusal(503), refusal(429), refusal(504), BackendUnreachable("away"), ClientError("broke")]
)
def test_what_may_pass_is_asked_again(failure):
    backend = Backend(failure)
    clock = iter(n * 0.7 for n in range(1000))  # time flies: nobody wants to wait in a test

    answer = Patience(2, threading.Event(), clock=lambda: next(clock)).ask(backend)

    assert (answer, backend.asked) == ("cat", 2)


@pytest.mark.parametrize("failure", [refusal(422), refusal(401), refusal(500), InvalidAnswer("a proxy")])
def test_what_does_not_pass_is_raised_at_once(failure):
    backend = Backend(failure)

    with pytest.raises(type(failure)):
        Patience(2, threading.Event()).ask(backend)

    assert backend.asked == 1


def test_a_backend_that_stays_away_is_given_up():
    clock = iter(n * 3.0 for n in range(100_000))

    with pytest.raises(BackendUnreachable):
        Patience(2, threading.Event(), patience=20, clock=lambda: next(clock)).ask(
            Backend(*[BackendUnreachable("away")] * 1000)
        )


def test_stop_ends_the_waiting():
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()

    with pytest.raises(GivenUp):
        Patience(2, stop).ask(Backend(*[refusal(503, 30.0)] * 1000))

    assert time.monotonic() - started < 2
    with pytest.raises(GivenUp):
        Patience(2, stop).ask(Backend())
