"""Beside the data path: what a request's time went into, as spans for OpenTelemetry; nothing where nobody asked for them.

While a request runs, its steps are noted with their times. The spans are made of them once it is answered, and leave in the
SDK's own thread: whoever collects them may be slow, or away, and no answer is later for it. Nothing of OpenTelemetry's SDK is
imported without an endpoint.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import sightserve
from sightserve.backend.http.lifecycle import PROBES
from sightserve.backend.job import Answer
from sightserve.installing import more

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OURS: Final = "http/protobuf"
_UNTRACED: Final = (*PROBES, "/metrics")  # every few seconds, and nobody asks where their time went
_MAX_HEADER: Final = 1024  # bytes: W3C wants 512 of `tracestate` to be handed on
_MAX_PATH: Final = 512
_END_SECONDS: Final = 0.5  # for what has not left yet, at the end
_log = logging.getLogger(__name__)


class Step(NamedTuple):
    """One part of a request: its times on the clock of `perf_counter`, and the error that it ended with."""

    name: str
    began: float
    ended: float
    error: str | None = None


class Served(NamedTuple):
    """A request that is answered: `began` and `ended` as in `Step`; no status where nothing was sent."""

    method: str
    path: str
    route: str
    status: int
    began: float
    ended: float
    request_id: str
    scheme: str


_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)


class step:  # noqa: N801 - read like a function: `with step("upload"):`
    """Notes how long a block takes as a step of the request at work, where its steps are noted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._steps = _steps.get()

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def answered(self, answer: Answer) -> Answer:
        """Note, in the place of the block, the times that a slot's answer tells of; they follow each other from its start."""
        if self._steps is not None:
            began = self._began
            for name, seconds in (("queue", answer.queue), ("decode", answer.decode), ("inference", answer.inference)):
                self._steps.append(Step(name, began, began + seconds))
                began += seconds
            self._steps = None
        return answer

    def __exit__(self, kind: type[BaseException] | None, _exc: object, _trace: TracebackType | None) -> None:
        if self._steps is not None:
            error = None if kind is None else kind.__name__
            self._steps.append(Step(self._name, self._began, time.perf_counter(), error))


class Tracing:
    """Makes spans of requests and has them exported."""

    def __init__(self, provider: "TracerProvider") -> None:
        """Set up; the provider is ours to shut down."""
        from opentelemetry import propagate, trace  # noqa: PLC0415 - only where there is an endpoint

        self._trace = trace
        self._provider = provider
        self._tracer = provider.get_tracer("sightserve", sightserve.__version__)
        self._extract = propagate.extract
        self._fields = {name.encode() for name in propagate.get_global_textmap().fields}

    def begin(self) -> list[Step]:
        """Begin to note the steps of the request that this task serves, and return the list that they will be in."""
        steps: list[Step] = []
        _steps.set(steps)
        return steps

    def end(self, served: Served, steps: Sequence[Step], headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        """Hand over the spans of a request, as children of its caller's where its headers name one; return its trace id."""
        if served.path.startswith(_UNTRACED):
            return None
        kind, failed = self._trace.SpanKind.SERVER, self._trace.Status(self._trace.StatusCode.ERROR)
        now, clock = time.time_ns(), time.perf_counter()

        def at(moment: float) -> int:
            return now - round((clock - moment) * 1e9)

        attributes: dict[str, str | int] = {
            "http.request.method": served.method,
            "http.route": served.route,
            "url.path": served.path[:_MAX_PATH],
            "url.scheme": served.scheme,
            "sightserve.request_id": served.request_id,
        }
        if served.status:
            attributes["http.response.status_code"] = served.status
        span = self._tracer.start_span(
            f"{served.method} {served.route}", self._caller(headers), kind, attributes, start_time=at(served.began)
        )
        if span.is_recording():
            if served.status >= 500 or not served.status:  # noqa: PLR2004
                span.set_status(failed)
            inside = self._trace.set_span_in_context(span)
            for part in steps:
                child = self._tracer.start_span(part.name, inside, start_time=at(part.began))
                if part.error is not None:
                    child.set_attribute("error.type", part.error)
                    child.set_status(failed)
                child.end(at(part.ended))
        span.end(at(served.ended))
        return f"{span.get_span_context().trace_id:032x}"

    def close(self) -> None:
        """Send what has not left yet, as far as that takes no longer than half a second."""
        # `shutdown` tries again and again where nobody collects, and a server has to end
        ending = threading.Thread(target=self._provider.shutdown, name="tracing-end", daemon=True)
        ending.start()
        ending.join(_END_SECONDS)

    def _caller(self, headers: Sequence[tuple[bytes, bytes]]) -> "Context":
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name in self._fields and len(value) <= _MAX_HEADER
        }
        return self._extract(carrier)


def from_environment(environment: Mapping[str, str]) -> Tracing | None:
    """Return what traces as the standard variables `OTEL_*` of this process say; None where they ask for nothing.

    A platform may set them for everybody: what cannot be done is warned of, and ends nothing.
    """
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    none = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    named = [name for name in _ENDPOINTS if environment.get(name, "").strip()]
    if off or none or not named:
        return None
    protocol = next((value for name in _PROTOCOLS if (value := environment.get(name, "").strip())), _OURS)
    if protocol != _OURS:
        _log.warning("no traces: they are sent by %s only, and the environment asks for %r", _OURS, protocol)
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        _log.warning("no traces: %s is set and %s is missing; %s", named[0], exc.name, more("otel"))
        return None
    ours = Resource.create({"service.name": "sightserve", "service.version": sightserve.__version__})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
