"""What is looked up when Prometheus asks."""

import threading

import pytest
from prometheus_client import CollectorRegistry

from sightserve.frontend.batch.job import Job
from sightserve.frontend.host.exposition import Looked
from sightserve.frontend.inbox.sources import FileRefused, Source
from sightserve.frontend.shared.ledger import Ledger, Place, budgets
from sightserve.frontend.shared.sessions import Sessions
from sightserve.frontend.shared.settings import MIB, UiSettings
from sightserve.frontend.shared.words import Message


@pytest.fixture
def app():
    """Sessions, a ledger, and what Prometheus is told of them."""
    sessions = Sessions()
    wanted = UiSettings(total_upload_mb=100, total_video_mb=200)
    ledger = Ledger(budgets(wanted))
    registry = CollectorRegistry()
    registry.register(Looked(wanted, sessions, ledger))
    return sessions, ledger, lambda name, **labels: registry.get_sample_value(f"sightserve_ui_{name}", labels)


def test_bytes_are_those_of_all_sessions_beside_their_budgets(app):
    _, ledger, value = app
    kept = [ledger.book("one", 10), ledger.book("two", 20), ledger.book("two", 40, Place.DISK)]

    assert value("held_bytes", place="memory") == 30
    assert value("held_bytes", place="disk") == 40
    assert value("budget_bytes", place="memory") == 100 * MIB
    assert value("budget_bytes", place="disk") == 200 * MIB
    del kept
    assert value("held_bytes", place="memory") == 0


def test_a_batch_is_under_way_until_it_has_ended(app):
    sessions, _, value = app
    goes_on = threading.Event()

    def read() -> bytes:
        goes_on.wait(10)
        raise FileRefused(Message("not", "this"))

    job = Job([Source("a.jpg", 1, read)], lambda photo: pytest.fail("asked"), parallel=1)
    sessions.belongs("one", job)
    assert value("under_way", what="batch") == 0

    job.start()
    assert value("under_way", what="batch") == 1
    assert value("under_way", what="video") == 0
    goes_on.set()
    assert job.wait(10)

    assert value("under_way", what="batch") == 0


def test_sessions_without_a_server_are_kept_ones(app):
    sessions, _, value = app
    sessions.here("one")

    assert value("sessions", state="connected") == 0
    assert value("sessions", state="kept") == 1
