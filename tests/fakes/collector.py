"""A collector of OpenTelemetry's traces: OTLP over HTTP, on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Span:
    """One span as it came over the wire, by names that read well."""

    def __init__(self, span: Any, resource: Any) -> None:
        self.name, self.kind = span.name, span.kind
        self.id, self.parent, self.trace = span.span_id.hex(), span.parent_span_id.hex(), span.trace_id.hex()
        self.began, self.ended = span.start_time_unix_nano, span.end_time_unix_nano
        self.failed = span.status.code == 2
        self.attributes = values(span.attributes)
        self.resource = values(resource.attributes)


def values(attributes: Any) -> dict[str, object]:
    found = {attribute.key: MessageToDict(attribute.value) for attribute in attributes}
    return {key: next(iter(value.values())) for key, value in found.items()}


class Collector:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._changed = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                told = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        with self._changed:
            for part in request.resource_spans:
                for scope in part.scope_spans:
                    self.spans += [Span(span, part.resource) for span in scope.spans]
            self._changed.notify_all()

    def of_request(self, request_id: str) -> tuple[Span, list[Span]]:
        """Wait for a request's own span; return it and its children in the order of their beginnings."""

        def root() -> Span | None:
            return next((s for s in self.spans if s.attributes.get("sightserve.request_id") == request_id), None)

        with self._changed:
            assert self._changed.wait_for(lambda: root() is not None, timeout=20)
            found = root()
        assert found is not None
        return found, sorted((s for s in self.spans if s.parent == found.id), key=lambda s: s.began)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        collector.server.shutdown()
        thread.join()
        collector.server.server_close()


def environment(url: str, **more: str) -> dict[str, str]:
    """What has a server send its traces there."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "200", "NO_PROXY": "127.0.0.1"} | more
