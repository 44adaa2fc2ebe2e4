"""A batch behind a front that refuses, and the photos that are asked about once more."""

import itertools
import threading

from tests.unit.frontend.batch.test_job import PREDICTION, QUICK, refusal, run, sources

from sightserve.client import BackendTimeout, ConnectionBroken, GatewayError
from sightserve.frontend.batch.job import Job
from sightserve.frontend.batch.outcomes import State
from sightserve.frontend.inbox.sources import Source
from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place


def test_what_was_not_the_photos_fault_is_kept_and_can_be_asked_about_again():
    """The bytes of those photos stay, and stay booked; they go when they are answered."""
    broken = threading.Event()
    broken.set()
    account = Account(Ledger({Place.MEMORY: Budget(1000, 1000)}), "me")

    def ask(photo):
        if photo.name == "1.jpg" and broken.is_set():
            raise refusal(500)
        return PREDICTION

    bookings = [account.book(10) for _ in range(3)]
    photos = [Source(f"{i}.jpg", 10, f"photo {i}".encode, let_go=booking.release) for i, booking in enumerate(bookings)]
    job = Job(photos, ask, parallel=1, account=account)

    first = run(job)
    assert (first.state, first.failed, first.repeatable) == (State.DONE, 1, 1)
    assert [booking.size for booking in bookings] == [0, 10, 0]
    broken.clear()
    job.repeat()
    assert job.wait(10)

    again = job.view()
    assert [outcome.name for outcome in again.outcomes if outcome.prediction] == ["0.jpg", "1.jpg", "2.jpg"]
    assert (again.failed, bookings[1].size) == (0, 0)


def test_a_front_that_refuses_every_third_costs_nothing():
    """Cloud Run, an ingress, a balancer: pages of their own, and connections that break."""
    troubles = [
        GatewayError("http://front", 429), GatewayError("http://front", 502), ConnectionBroken("reset"),
        GatewayError("http://front", 500), BackendTimeout("slow"), refusal(504), GatewayError("http://front", 503),
    ]  # fmt: skip
    number = itertools.count(1)

    def ask(photo):
        if (n := next(number)) % 3 == 0:
            raise troubles[n // 3 % len(troubles)]
        return PREDICTION

    view = run(Job(sources(60), ask, parallel=4, retry=QUICK))

    assert (view.state, view.done, view.failed) == (State.DONE, 60, 0)
