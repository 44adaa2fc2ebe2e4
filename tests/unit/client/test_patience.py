"""Asking until there is an answer."""

import asyncio
import threading
import time

import pytest

from sightserve.api.schema import Problem
from sightserve.client import ApiError, BackendUnreachable, ConnectionBroken, GatewayError, InvalidAnswer
from sightserve.client.patience import AsyncPatience, GivenUp, Patience
from sightserve.client.retry import Retry


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
    "failure",
    [
        refusal(503),
        refusal(429),
        refusal(504),
        BackendUnreachable("away"),
        ConnectionBroken("broke"),
        GatewayError("http://front", 429),
        GatewayError("http://front", 500),
    ],
)
def test_what_may_pass_is_asked_again(failure):
    backend = Backend(failure)
    clock = iter(n * 0.7 for n in range(1000))  # time flies: nobody wants to wait in a test

    answer = Patience(2, threading.Event(), clock=lambda: next(clock)).ask(backend)

    assert (answer, backend.asked) == ("cat", 2)


@pytest.mark.parametrize(
    "failure", [refusal(422), refusal(401), refusal(500), InvalidAnswer("a proxy"), GatewayError("http://front", 413)]
)
def test_what_does_not_pass_is_raised_at_once(failure):
    backend = Backend(failure)

    with pytest.raises(type(failure)):
        Patience(2, threading.Event()).ask(backend)

    assert backend.asked == 1


def test_a_backend_that_stays_away_is_given_up():
    clock = iter(n * 3.0 for n in range(100_000))

    with pytest.raises(BackendUnreachable):
        Patience(2, threading.Event(), retry=Retry(patience=20, absence=20), clock=lambda: next(clock)).ask(
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


def test_after_it_was_given_up_every_other_question_fails_at_once():
    """Of ten thousand photos each would wait for two minutes otherwise."""
    clock = iter(n * 3.0 for n in range(100_000))
    patience = Patience(2, threading.Event(), retry=Retry(patience=20, absence=20), clock=lambda: next(clock))
    with pytest.raises(BackendUnreachable):
        patience.ask(Backend(*[BackendUnreachable("away")] * 1000))
    backend = Backend()

    with pytest.raises(BackendUnreachable):
        patience.ask(backend)

    assert backend.asked == 0
    assert patience.is_hopeless


def test_it_tells_of_each_pause():
    told: list[tuple[str, float]] = []
    clock = iter(n * 0.7 for n in range(1000))

    Patience(
        2, threading.Event(), tell=lambda error, pause: told.append((str(error), pause)), clock=lambda: next(clock)
    ).ask(Backend(GatewayError("http://front", 429, 3.0)))

    assert [(why, round(pause, 3)) for why, pause in told] == [
        ("what stands before http://front answered 429 in its place", 3.0)
    ]


@pytest.mark.parametrize(("failure", "asked"), [(GatewayError("http://front", 502, 0.01), 2), (refusal(422), 1)])
def test_tasks_ask_again_by_the_same_rules(failure, asked):
    backend = Backend(failure)

    async def question() -> str:
        return backend()

    async def run() -> str:
        try:
            return await AsyncPatience(2).ask(question)
        except ApiError as error:
            return str(error.status)

    assert asyncio.run(run()) == ("cat" if asked == 2 else "422")
    assert backend.asked == asked
