"""What the web app counts for Prometheus, in seconds and bytes. `host/exposition.py` serves it, and adds what is looked up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from sightserve.client import ApiError, BackendNotFound, BackendTimeout, ClientError
from sightserve.client.errors import BackendUnreachable, ConnectionBroken
from sightserve.client.retry import is_temporary

_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ITS_FAULT: Final = 500  # statuses below are the photo's fault


class Metrics:
    """Every count of this process.

    Attributes:
        registry: to scrape.
        requests: answered by this app, by kind (http, websocket) and status.
        refused: uploads, and what else people wanted room for, by reason.
        answers: what became of each question to the backend, by what was asked about (photo, frame) and outcome.
        answer_seconds: from the question to its answer, all tries together.
        script_failures: pages that ended in an error of ours.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "sightserve_ui_requests", "Requests and websockets that ended.", ("kind", "status"), registry=registry
        )
        self.refused = Counter(
            "sightserve_ui_refused", "Bytes without room, by reason.", ("reason",), registry=registry
        )
        self.answers = Counter(
            "sightserve_ui_answers", "Questions to the backend, by outcome.", ("about", "outcome"), registry=registry
        )
        self.answer_seconds = Histogram(
            "sightserve_ui_answer_seconds",
            "From a question to its answer.",
            ("about",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.script_failures = Counter(
            "sightserve_ui_script_failures", "Pages that failed by a mistake of ours.", registry=registry
        )


@cache
def metrics() -> Metrics:
    """Return this process's metrics."""
    return Metrics()


@contextmanager
def failures(about: str) -> Iterator[None]:
    """Count what the backend's client raises within the block, or within a function that this decorates."""
    try:
        yield
    except ClientError as error:
        metrics().answers.labels(about, outcome(error)).inc()
        raise


@contextmanager
def answers(about: str) -> Iterator[None]:
    """Count the block as one question to the backend, and how long its answer took."""
    began = time.perf_counter()
    with failures(about):
        yield
    metrics().answers.labels(about, "answered").inc()
    metrics().answer_seconds.labels(about).observe(time.perf_counter() - began)


def outcome(error: ClientError) -> str:
    """Return a word for what went wrong: one of few, since each is a time series."""
    if isinstance(error, BackendNotFound | BackendUnreachable | ConnectionBroken):
        return "unreachable"
    if isinstance(error, BackendTimeout):
        return "timeout"
    if is_temporary(error):
        return "busy"
    return "refused" if isinstance(error, ApiError) and error.status < _ITS_FAULT else "failed"
