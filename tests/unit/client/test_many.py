"""Any number of images through a backend whose front is busy every third time, or that goes away."""

import asyncio
import itertools
import time

import pytest
from tests.fake_backend import FakeBackend, fake_backend

from sightserve.client import ApiError, AsyncClient, Client
from sightserve.client.retry import Retry

QUICK = Retry(patience=20, absence=1, first_pause=0.02)
FRONTS = itertools.cycle(
    [(429, "Rate exceeded."), (502, "<html>Bad Gateway</html>"), (503, ""), (504, "{}"), (500, "no")]
)


@pytest.fixture
def backend():
    with fake_backend() as backend:
        yield backend


def photo(number: int) -> bytes:
    return b"\xff\xd8" + str(number).encode()


def asked_by_threads(backend, images, **options):
    with Client(backend.url) as client:
        return list(client.predict_many(images, retry=QUICK, **options))


def asked_by_tasks(backend, images, **options):
    async def run():
        async with AsyncClient(backend.url) as client:
            return [answered async for answered in client.predict_many(images, retry=QUICK, **options)]

    return asyncio.run(run())


@pytest.fixture(params=[asked_by_threads, asked_by_tasks])
def ask(request):
    return request.param


def test_every_image_is_answered_in_order_through_a_front_that_refuses_every_third(backend, ask):
    backend.front = lambda number: next(FRONTS) if number % 3 == 0 else None

    answers = ask(backend, [photo(number) for number in range(24)])

    assert [answered.index for answered in answers] == list(range(24))
    assert [answered.error for answered in answers] == [None] * 24
    assert [answered.prediction.prediction for answered in answers] == [backend.label_of(photo(n)) for n in range(24)]


def test_what_fails_costs_no_other(backend, ask, tmp_path):
    answers = ask(backend, [photo(1), b"no photo", tmp_path / "missing.jpg", 7, photo(2)])

    assert [type(answered.error) for answered in answers] == [
        type(None),
        ApiError,
        FileNotFoundError,
        TypeError,
        type(None),
    ]


def test_a_generator_is_read_as_it_goes(backend):
    read = []

    def images():
        for number in range(100):
            read.append(number)
            yield photo(number)

    with Client(backend.url) as client:
        for _ in client.predict_many(images(), parallel=2):
            break

    assert len(read) <= 5


def test_who_stops_early_waits_for_nobody(backend):
    backend.front = lambda number: (503, "busy") if number > 3 else None
    backend.front_says = "30"
    started = time.monotonic()

    with Client(backend.url) as client:
        for _ in client.predict_many([photo(n) for n in range(50)], parallel=2):
            break

    assert time.monotonic() - started < 5


def test_a_backend_that_is_nowhere_is_given_up_for_all_of_them(ask):
    backend = FakeBackend(url="http://127.0.0.1:9")
    started = time.monotonic()

    answers = ask(backend, [photo(number) for number in range(300)])

    assert len(answers) == 300
    assert all(answered.error is not None for answered in answers)
    assert time.monotonic() - started < 15
