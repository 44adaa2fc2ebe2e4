"""Traces of a real server, received as a collector does."""

import socket
import time
from collections.abc import Callable

import httpx2
import pytest
from tests.fakes.collector import collecting, environment
from tests.processes import free_port, running, running_backend

pytestmark = pytest.mark.slow  # each starts a server, and a collector

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    with collecting() as collector:
        log = tmp_path_factory.mktemp("traced") / "log"
        with running_backend(log, "--cpus", "1", **environment(collector.url)) as backend:
            yield backend, collector


def test_a_photo_is_a_span_below_its_callers_with_its_steps_below_it(traced, cat):
    backend, collector = traced
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "x-request-id": "photo"}

    answer = httpx2.post(f"{backend.url}/predict", content=cat, headers=headers)

    span, steps = collector.of_request("photo")
    assert (span.name, span.kind, span.trace, span.parent) == ("POST /predict", 2, TRACE, CALLER)
    assert span.attributes | {"http.response.status_code": 200} == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.path": "/predict",
        "url.scheme": "http",
        "sightserve.request_id": "photo",
    }
    assert int(str(span.attributes["http.response.status_code"])) == 200
    assert span.resource["service.name"] == "sightserve"
    assert [part.name for part in steps] == ["upload", "queue", "decode", "inference"]
    assert {part.trace for part in steps} == {TRACE}
    assert not any(part.failed for part in [span, *steps])
    edges = [span.began, *(edge for part in steps for edge in (part.began, part.ended)), span.ended]
    assert edges == sorted(edges)
    told = answer.json()["timing_ms"]
    for part in steps[1:]:
        assert (part.ended - part.began) / 1e6 == pytest.approx(told[part.name], abs=0.1)


def test_without_a_caller_the_trace_is_ours_and_the_log_has_its_id(traced, cat):
    backend, collector = traced

    httpx2.post(f"{backend.url}/predict", content=cat, headers={"x-request-id": "alone"})

    span, _ = collector.of_request("alone")
    assert span.parent == ""
    until(lambda: f'"trace_id": "{span.trace}"' in backend.log.read_text())


def test_every_photo_of_a_batch_has_its_steps(traced, cat, espresso):
    backend, collector = traced
    files = [("file", cat), ("file", espresso), ("file", b"no photo")]

    httpx2.post(f"{backend.url}/predict/batch", files=files, headers={"x-request-id": "batch"})

    _, steps = collector.of_request("batch")
    names = [part.name for part in steps]
    assert (names.count("upload"), names.count("decode"), names.count("inference")) == (1, 2, 2)
    assert [part.attributes for part in steps if part.failed] == [{"error.type": "UnsupportedImageType"}]


def test_a_refused_upload_says_where_it_ended(traced):
    backend, collector = traced

    httpx2.post(f"{backend.url}/predict", content=b"", headers={"x-request-id": "empty"})

    span, steps = collector.of_request("empty")
    assert int(str(span.attributes["http.response.status_code"])) == 400
    assert [(part.name, part.failed, part.attributes) for part in steps] == [
        ("upload", True, {"error.type": "MalformedRequest"})
    ]


@pytest.mark.parametrize("parent", ["nonsense", f"00-{'0' * 32}-{CALLER}-01", f"00-{TRACE}-{CALLER}-01" + "x" * 5000])
def test_a_caller_that_makes_no_sense_is_none(traced, parent):
    backend, collector = traced

    httpx2.get(f"{backend.url}/model", headers={"traceparent": parent, "x-request-id": f"odd-{len(parent)}"})

    span, _ = collector.of_request(f"odd-{len(parent)}")
    assert span.parent == ""
    assert span.trace != TRACE


def test_what_the_caller_does_not_sample_is_not_exported_and_probes_are_not_either(traced):
    backend, collector = traced

    unsampled = {"traceparent": f"00-{TRACE}-{CALLER}-00", "x-request-id": "unsampled"}
    httpx2.get(f"{backend.url}/model", headers=unsampled)
    httpx2.get(f"{backend.url}/health/live", headers={"x-request-id": "probe"})
    httpx2.get(f"{backend.url}/model", headers={"x-request-id": "later"})

    collector.of_request("later")
    assert not {"unsampled", "probe"} & {span.attributes.get("sightserve.request_id") for span in collector.spans}


def test_the_standard_variables_name_the_service_and_sample_and_the_end_sends_what_waits(tmp_path, cat):
    with collecting() as collector:
        named = environment(
            collector.url,
            OTEL_SERVICE_NAME="photos",
            OTEL_BSP_SCHEDULE_DELAY="60000",
            OTEL_TRACES_SAMPLER="parentbased_always_off",
        )
        with running_backend(tmp_path / "log", "--cpus", "1", **named) as backend:
            httpx2.get(f"{backend.url}/model", headers={"x-request-id": "nobody's"})
            sampled = {"traceparent": f"00-{TRACE}-{CALLER}-01", "x-request-id": "last"}
            httpx2.get(f"{backend.url}/model", headers=sampled)

        span, _ = collector.of_request("last")
        assert [span] == collector.spans
    assert span.resource["service.name"] == "photos"


def test_a_collector_that_never_answers_delays_no_answer_and_no_end(tmp_path, cat):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running_backend(tmp_path / "log", "--cpus", "1", **environment(url)) as backend:
            with httpx2.Client(timeout=5) as client:
                for _ in range(50):
                    assert client.post(f"{backend.url}/predict", content=cat).status_code == 200
            silent.accept()[0].close()  # somebody tried
        assert backend.process.returncode == 0


LOADED_FOR_TRACES = {"opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests"}


@pytest.mark.parametrize(
    "without",
    [
        {},
        environment("http://127.0.0.1:9", OTEL_SDK_DISABLED="true"),
        environment("http://127.0.0.1:9", OTEL_TRACES_EXPORTER="none"),
    ],
    ids=["no endpoint", "disabled", "no exporter"],
)
def test_nothing_is_loaded_for_traces_that_nobody_asked_for(tmp_path, cat, without):
    log, port = tmp_path / "log", free_port()
    url = f"http://127.0.0.1:{port}"

    words = ["serve", "--port", str(port), "--cpus", "1"]
    with running(*words, health=f"{url}/health/ready", log=log, python=["-X", "importtime"], **without):
        assert httpx2.post(f"{url}/predict", content=cat).status_code == 200

    lines = [line for line in log.read_text().splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[1].strip() for line in lines}
    assert "sightserve.backend.http.tracing" in loaded
    assert not loaded & LOADED_FOR_TRACES


def test_where_the_extra_is_missing_the_server_warns_and_serves(tmp_path, cat):
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['opentelemetry.exporter.otlp.proto.http.trace_exporter'] = None\n")
    asked = environment("http://127.0.0.1:9", PYTHONPATH=str(hidden.parent))
    with running_backend(tmp_path / "log", "--cpus", "1", **asked) as backend:
        assert httpx2.post(f"{backend.url}/predict", content=cat).status_code == 200

    assert "pip install '.[otel]'" in backend.log.read_text()


def test_a_protocol_that_is_not_ours_is_warned_of(tmp_path):
    asked = environment("http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    with running_backend(tmp_path / "log", "--cpus", "1", **asked) as backend:
        pass

    assert "no traces: they are sent by http/protobuf only" in backend.log.read_text()
