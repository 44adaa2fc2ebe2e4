"""A batch under way, with a classifier that is a function."""

import threading
import time

import pytest

from sightserve.api.schema import Prediction, Problem
from sightserve.client import ApiError, BackendUnreachable, GatewayError, InvalidAnswer
from sightserve.client.retry import Retry
from sightserve.frontend.batch.job import Job
from sightserve.frontend.batch.outcomes import State
from sightserve.frontend.inbox.sources import FileRefused, Source
from sightserve.frontend.shared import words
from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place
from sightserve.frontend.shared.spare import Spare
from sightserve.frontend.shared.words import Message

QUICK = Retry(patience=20, absence=20, first_pause=0.02)
PREDICTION = Prediction.model_validate(
    {
        "prediction": "tabby",
        "probability": 0.7,
        "top_k": [{"index": 1, "label": "tabby", "probability": 0.7}],
        "model": {"name": "m", "version": "1"},
        "image": {"width": 1, "height": 1, "format": "JPEG"},
        "timing_ms": {"queue": 0, "decode": 0, "inference": 0},
    }
)


def sources(number: int) -> list[Source]:
    return [Source(f"{i}.jpg", 1, f"photo {i}".encode) for i in range(number)]


def refusal(status, retry_after=None):
    code = "internal" if status == 500 else "overloaded"
    body = Problem(type="about:blank", title="t", status=status, detail="d", code=code)
    return ApiError(body, retry_after)


def run(job):
    job.start()
    assert job.wait(10)
    return job.view()


def test_every_photo_gets_an_outcome_in_the_order_given():
    view = run(Job(sources(20), lambda photo: PREDICTION, parallel=4))

    assert view.state is State.DONE
    assert [outcome.name for outcome in view.outcomes] == [f"{i}.jpg" for i in range(20)]
    assert [outcome.prediction.filename for outcome in view.outcomes] == [f"{i}.jpg" for i in range(20)]


def test_an_error_is_one_photos_and_has_words_for_people():
    def ask(photo):
        if photo.name == "1.jpg":
            raise refusal(500)
        return PREDICTION

    view = run(Job(sources(3), ask, parallel=2))

    assert [outcome.problem is None for outcome in view.outcomes] == [True, False, True]
    assert (view.outcomes[1].problem, view.outcomes[1].code) == (words.explain(refusal(500)), "internal")
    assert view.failed == 1


@pytest.mark.parametrize(("error", "code"), [
    (refusal(500), "internal"), (GatewayError("front", 413), "payload_too_large"), (GatewayError("front", 404), "no_answer"),
    (InvalidAnswer("a proxy's page"), "no_answer"),
])  # fmt: skip
def test_every_error_has_a_stable_code(error, code):
    def ask(photo):
        if photo.name == "1.jpg":
            raise error
        return PREDICTION

    view = run(Job(sources(3), ask, parallel=1))

    assert [outcome.code for outcome in view.outcomes if outcome.problem is not None] == [code]


def test_a_refused_file_is_never_sent():
    def refuse() -> bytes:
        raise FileRefused(Message("A bomb.", "No."), "payload_too_large")

    view = run(Job([Source("bomb.jpg", 1, refuse)], lambda photo: pytest.fail("sent"), parallel=1))

    assert (view.outcomes[0].problem.what, view.outcomes[0].code) == ("A bomb.", "payload_too_large")


def test_the_same_content_is_asked_about_once():
    asked = []

    def ask(photo):
        asked.append(photo.name)
        return PREDICTION

    twins = [Source(name, 4, lambda: b"same") for name in ("one.jpg", "two.jpg")]

    view = run(Job(twins, ask, parallel=1))

    assert asked == ["one.jpg"]
    assert [outcome.prediction.filename for outcome in view.outcomes] == ["one.jpg", "two.jpg"]


@pytest.mark.parametrize("trouble", [refusal(503, 0.05), refusal(429, 0.05), BackendUnreachable("away")])
def test_a_refused_photo_gets_another_turn(trouble):
    troubles = [trouble]

    def ask(photo):
        if troubles:
            raise troubles.pop()
        return PREDICTION

    view = run(Job(sources(3), ask, parallel=1, retry=QUICK))

    assert view.state is State.DONE
    assert all(outcome.prediction for outcome in view.outcomes)


def test_it_gives_up_on_a_backend_that_refuses_everything_and_can_go_on():
    working = threading.Event()

    def ask(photo):
        if not working.is_set():
            raise refusal(503, 0.02)
        return PREDICTION

    job = Job(sources(3), ask, parallel=2, retry=Retry(patience=0.1, absence=0.1, first_pause=0.02))
    given_up = run(job)
    working.set()
    done = run(job)

    assert given_up.state is State.GAVE_UP
    assert given_up.done == 0
    assert done.state is State.DONE
    assert done.done == 3


def test_nobody_looking_ends_it():
    """The page was closed: its session, and the bytes of its photos with it, must not live on."""
    now = [0.0]

    def ask(photo):
        now[0] += 100
        return PREDICTION

    job = Job(sources(9), ask, parallel=1, clock=lambda: now[0])
    job.start()
    assert job.wait(10)

    view = job.view()
    assert view.state is State.ABANDONED
    assert 0 < view.done < 9


def test_cancelling_works_at_once_and_keeps_what_is_there():
    def ask(photo):
        time.sleep(0.02)
        return PREDICTION

    job = Job(sources(100), ask, parallel=2)
    job.start()
    time.sleep(0.1)

    job.cancel()
    assert job.wait(1)

    view = job.view()
    assert view.state is State.CANCELLED
    assert 0 < view.done < 100


def test_all_batches_together_are_bounded():
    lock, under_way, most = threading.Lock(), 0, 0

    def ask(photo):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1
        return PREDICTION

    everyone = threading.Semaphore(3)
    jobs = [Job(sources(10), ask, parallel=4, everyone=everyone) for _ in range(3)]
    for job in jobs:
        job.start()

    assert all(job.wait(10) for job in jobs)
    assert most == 3


def test_a_bug_costs_one_photo_and_not_the_batch():
    def ask(photo):
        if photo.name == "0.jpg":
            raise ZeroDivisionError
        return PREDICTION

    view = run(Job(sources(2), ask, parallel=1))

    assert view.state is State.DONE
    assert view.outcomes[0].problem.what == "The classifier failed on this photo."


def test_the_rate_and_the_time_left_are_those_of_the_last_seconds():
    now = [0.0]

    def ask(photo):
        now[0] += 0.5
        return PREDICTION

    job = Job(sources(10), ask, parallel=1, clock=lambda: now[0])
    view = run(job)

    # finished at 0.5, 1.0, ... 5.0: nine gaps in 4.5 seconds
    assert view.rate == pytest.approx(2.0)
    assert view.seconds == pytest.approx(5.0)
    assert view.seconds_left == 0


def test_a_photos_bytes_are_let_go_when_it_is_answered():
    class Data:
        alive = 0

        def __init__(self):
            Data.alive += 1

        def __del__(self):
            Data.alive -= 1

        def read(self):
            return b"photo"

    job = Job([Source("a.jpg", 1, Data().read) for _ in range(5)], lambda photo: PREDICTION, parallel=1)
    before = Data.alive
    run(job)

    assert before == 5
    assert Data.alive == 0


@pytest.fixture
def account():
    return Account(Ledger({Place.MEMORY: Budget(1000, 1000)}), "me")


def held(account):
    return account.ledger.held(Place.MEMORY)["me"]


def booked_sources(account, number, size=100):
    """Photos that lie somewhere, booked, until they are let go."""
    bookings = [account.book(size) for _ in range(number)]
    return [
        Source(f"{i}.jpg", size, str(i).rjust(size).encode, let_go=booking.release)
        for i, booking in enumerate(bookings)
    ]


def test_every_answered_photo_gives_its_bytes_back(account):
    booked = []

    def ask(photo):
        booked.append(held(account))
        return PREDICTION

    run(Job(booked_sources(account, 3), ask, parallel=1, account=account))

    assert booked == [300, 200, 100]


def test_what_is_unpacked_from_a_zip_is_booked_while_it_is_asked_about(account):
    booked, number = [], iter(range(9))

    def ask(photo):
        booked.append(held(account))
        return PREDICTION

    packed = [Source(f"{i}.jpg", 20, lambda: str(next(number)).encode(), makes=20) for i in range(3)]

    run(Job(packed, ask, parallel=1, account=account))

    assert booked == [20, 20, 20]
    assert held(account) == 0


def test_what_is_shown_of_the_photos_is_booked_for_as_long_as_there_is_the_batch(account, cat):
    job = Job([Source("cat.jpg", len(cat), lambda: cat)], lambda photo: PREDICTION, parallel=1, account=account)
    view = run(job)

    shown = view.outcomes[0].pictures
    assert held(account) == len(shown.preview) + len(shown.thumbnail) > 500
    assert max(shown.width, shown.height) == 320
    del job
    assert held(account) == 0


def test_the_time_that_a_batch_was_stopped_for_does_not_count():
    now = [0.0]

    def ask(photo):
        now[0] += 1
        if photo.name == "2.jpg" and not job.view().done > 2:
            job.cancel()
        return PREDICTION

    job = Job(sources(5), ask, parallel=1, clock=lambda: now[0])
    stopped = run(job)
    now[0] += 1000
    done = run(job)

    assert stopped.state is State.CANCELLED
    assert (done.state, done.seconds) == (State.DONE, 5.0)


def kept(job):
    """Which photos could still be sorted into folders."""
    job.sorted_zip.fill(("tabby", outcome.index) for outcome in job.view().outcomes if outcome.prediction)
    return job.sorted_zip.size > 22  # an empty zip


def test_answered_photos_are_kept_while_there_is_room_and_booked(account):
    job = Job(booked_sources(account, 2), lambda photo: PREDICTION, parallel=1, account=account, spare=Spare(account))

    run(job)

    assert held(account) == 200
    assert kept(job)
    job.close()
    assert held(account) == 0


def test_photos_in_a_zip_are_kept_with_it_and_cost_nothing_more(account):
    packed = [Source(f"{i}.jpg", 20, b"x".lower, makes=20) for i in range(3)]
    job = Job(packed, lambda photo: PREDICTION, parallel=1, account=account, spare=Spare(account))

    run(job)

    assert held(account) == 0
    assert kept(job)


def test_who_needs_the_room_gets_it(account):
    job = Job(booked_sources(account, 2), lambda photo: PREDICTION, parallel=1, account=account, spare=Spare(account))
    run(job)

    Account(account.ledger, "somebody else").reserve(450)

    assert held(account) == 0
    assert not kept(job)
    assert job.view().done == 2  # the answers stay
