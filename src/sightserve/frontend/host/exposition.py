"""The web app's metrics on a port of their own: who may see the page need not see how many others do."""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from streamlit import runtime

from sightserve.frontend.batch.job import Job
from sightserve.frontend.shared.ledger import Ledger, budgets
from sightserve.frontend.shared.metrics import metrics
from sightserve.frontend.shared.sessions import Closable, Sessions
from sightserve.frontend.shared.settings import UiSettings
from sightserve.frontend.video.labelling import Labelling
from sightserve.logs import lines

_BEGINNING: Final = "sightserve_ui_"


class Looked(Collector):
    """What is looked up whenever somebody asks, in their thread: it is kept elsewhere, and counted nowhere."""

    def __init__(self, wanted: UiSettings, sessions: Sessions, ledger: Ledger) -> None:
        self._budgets, self._sessions, self._ledger = budgets(wanted), sessions, ledger

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: registering would look everything up."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Look."""
        yield _gauge("sessions", "Pages by whether they are open, or closed and kept.", "state", self._visitors())
        held = {place.value: self._ledger.held(place).total() for place in self._budgets}
        yield _gauge("held_bytes", "Held for all sessions together.", "place", held)
        most = {place.value: budget.total for place, budget in self._budgets.items()}
        yield _gauge("budget_bytes", "The most that may be held.", "place", most)
        yield _gauge(
            "under_way", "Batches and videos that are being worked on.", "what", _work(self._sessions.things())
        )
        dropped = CounterMetricFamily(f"{_BEGINNING}log_lines_dropped", "Lines that the log lacks.")
        dropped.add_metric((), lines.dropped())
        yield dropped

    def _visitors(self) -> dict[str, int]:
        known = self._sessions.known()
        connected = sum(map(runtime.get_instance().is_active_session, known)) if runtime.exists() else 0
        return {"connected": connected, "kept": len(known) - connected}


def serve(wanted: UiSettings, address: str, sessions: Sessions, ledger: Ledger) -> None:
    """Begin to serve, in a thread of its own, at the address that the app listens at.

    Raises:
        OSError: the port cannot be listened on.
    """
    registry = metrics().registry
    registry.register(Looked(wanted, sessions, ledger))
    start_http_server(wanted.metrics_port, address, registry)


def _work(things: Iterable[Closable]) -> dict[str, int]:
    found = {"batch": 0, "video": 0}
    for thing in things:
        if isinstance(thing, Job):
            found["batch"] += thing.is_running
        elif isinstance(thing, Labelling):
            found["video"] += thing.is_busy
    return found


def _gauge(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(_BEGINNING + name, text, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
