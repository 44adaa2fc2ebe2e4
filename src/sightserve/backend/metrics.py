"""What the backend tells Prometheus, in the units that Prometheus asks for (seconds, bytes)."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)

# From a tenth of the shortest step (a small JPEG decodes in 2 ms) to far beyond any deadline.
_STEP_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_REQUEST_BUCKETS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every metric of one backend, in a registry of its own so that two backends in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "sightserve_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.request_seconds = self._histogram(
            "sightserve_http_request_duration_seconds", "First byte in to last byte out.", _REQUEST_BUCKETS, ("route",)
        )
        self.queue_seconds = self._histogram("sightserve_queue_wait_seconds", "Waiting for a free slot.", _STEP_BUCKETS)
        self.decode_seconds = self._histogram(
            "sightserve_decode_seconds", "Decoding one image to the model's size.", _STEP_BUCKETS
        )
        self.inference_seconds = self._histogram(
            "sightserve_inference_seconds", "One call of the model.", _STEP_BUCKETS
        )
        self.model = Info("sightserve_model", "The model that is served.", registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)
