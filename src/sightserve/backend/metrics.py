"""What the backend tells Prometheus, in the units that Prometheus asks for (seconds, bytes)."""

import secrets

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from sightserve.backend.job import Answer

# From a tenth of the shortest step (a small JPEG decodes in 2 ms) to far beyond any deadline.
_STEP_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_REQUEST_BUCKETS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every metric of one backend, in a registry of its own so that two backends in one process do not collide.

    Attributes:
        registry: to scrape.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter(
            "sightserve_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.request_seconds = self._histogram(
            "sightserve_http_request_duration_seconds", "First byte in to last byte out.", _REQUEST_BUCKETS, ("route",)
        )
        self._of_route: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.rejected = Counter(
            "sightserve_rejected", "Requests refused or expired, by reason.", ("reason",), registry=registry
        )
        self.abandoned = Counter(
            "sightserve_abandoned", "Requests whose client hung up before their answer.", registry=registry
        )
        self.queue_seconds = self._histogram(
            "sightserve_queue_wait_seconds", "Waiting for a free slot.", _REQUEST_BUCKETS
        )
        self.decode_seconds = self._histogram(
            "sightserve_decode_seconds", "Decoding one image to the model's size.", _STEP_BUCKETS
        )
        self.inference_seconds = self._histogram(
            "sightserve_inference_seconds", "One call of the model.", _STEP_BUCKETS
        )
        self.queue_depth = self._gauge("sightserve_queue_depth", "Requests that wait for a slot.")
        self.in_flight = self._gauge("sightserve_requests_in_flight", "Requests that upload, wait or run.")
        self.slots = self._gauge("sightserve_slots", "Slots that can work.")
        self.lost_slots = Counter("sightserve_lost_slots", "Slots that hung or died.", registry=registry)
        self.log_lines_dropped = Counter(
            "sightserve_log_lines_dropped",
            "Lines that the log lacks: nobody read it, or its disk was full.",
            registry=registry,
        )
        self._dropped = self._feedback_dropped = 0
        self.feedback = Counter(
            "sightserve_feedback", "What people said of answers, kept.", ("verdict",), registry=registry
        )
        self.feedback_dropped = Counter(
            "sightserve_feedback_dropped",
            "Answers of which nothing is kept: the database was away or slow for too long.",
            registry=registry,
        )
        # Not named "instance": Prometheus gives that label to what it scrapes.
        self.instance_info = Gauge(
            "sightserve_instance_info",
            "Always 1; its label, drawn at the start, tells backends behind one address apart.",
            ("id",),
            registry=registry,
        )
        self.instance_info.labels(secrets.token_hex(8)).set(1)
        self.model_info = Gauge(
            "sightserve_model_info",
            "Always 1; its labels name the model.",
            ("name", "version", "sha256"),
            registry=registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one request, however it was answered."""
        key = (method, route, status)
        found = self._of_route.get(key)
        if found is None:  # `labels` costs as much as counting, and there are few combinations
            found = self._of_route[key] = (self.requests.labels(*key), self.request_seconds.labels(route))
        found[0].inc()
        found[1].observe(seconds)

    def count_dropped(self, total: int) -> None:
        """Note how many lines the log lacks by now."""
        self.log_lines_dropped.inc(total - self._dropped)
        self._dropped = total

    def count_feedback_dropped(self, total: int) -> None:
        """Note of how many answers nothing is kept by now."""
        self.feedback_dropped.inc(total - self._feedback_dropped)
        self._feedback_dropped = total

    def count(self, answer: Answer) -> None:
        """Note where one answer's time went."""
        self.queue_seconds.observe(answer.queue)
        self.decode_seconds.observe(answer.decode)
        self.inference_seconds.observe(answer.inference)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)
