"""Everything around /predict: greeting, model, health, metrics, documentation, and what is not there."""

import hashlib
import io
import signal
import socket
import time

import httpx2
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.processes import running_backend

import sightserve
from sightserve.backend.build import build
from sightserve.backend.http.app import create_api
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.middleware import Ledger, RequestMiddleware
from sightserve.backend.reload import Reloader
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import default_bundle_path


@pytest.fixture
def http(backend_url):
    with httpx2.Client(base_url=backend_url, timeout=30) as client:
        yield client


def test_the_root_greets_and_links(http):
    body = http.get("/").json()

    assert "Welcome" in body["message"]
    assert body["version"] == sightserve.__version__
    for link in body["links"].values():
        assert http.request("OPTIONS", link).status_code == 405 or http.get(link).status_code == 200


def test_the_model_tells_where_it_comes_from(http):
    body = http.get("/model").json()

    file = default_bundle_path() / "model.onnx"
    assert body["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert body["size_bytes"] == file.stat().st_size
    assert len(body["labels"]) == body["classes"] == 1000
    assert body["license"]
    assert body["source"]
    cats = next(kind["classes"] for kind in body["kinds"] if kind["name"] == "cat")
    assert "Egyptian cat" in {body["labels"][index] for index in cats}


def test_a_blank_picture_gets_labels_but_is_not_recognised(http, cat):
    buffer = io.BytesIO()
    Image.new("RGB", (400, 300), "white").save(buffer, "PNG")

    blank, photo = (http.post("/predict", content=content).json() for content in (buffer.getvalue(), cat))

    assert (blank["recognised"], photo["recognised"]) == (False, True)
    assert len(blank["top_k"]) == 5


@pytest.mark.parametrize(("path", "status"), [("/health/live", "alive"), ("/health/ready", "ready")])
def test_health(http, path, status):
    assert http.get(path).json() == {"status": status}


def test_metrics_count_what_was_asked(http, cat):
    def counted() -> float:
        families = text_string_to_metric_families(http.get("/metrics").text)
        samples = (sample for family in families for sample in family.samples)
        wanted = {"method": "POST", "route": "/predict", "status": "200"}
        return sum(s.value for s in samples if s.name == "sightserve_http_requests_total" and s.labels == wanted)

    before = counted()
    http.post("/predict", content=cat)

    assert counted() == before + 1


def test_strangers_cannot_make_new_time_series(http):
    http.get("/a-path-that-nobody-has-asked-for")

    assert "a-path-that-nobody" not in http.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("PUT", "/", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_too(http, method, path, status, code):
    response = http.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code


def media_type(path: str) -> str:
    """Of errors at this address: other protocols have words of their own."""
    other = path.startswith(("/v2", "/hf", "/predictions"))
    return "application/json" if other else "application/problem+json"


def test_the_openapi_document_describes_every_answer_and_error_with_an_example(http):
    document = http.get("/openapi.json").json()

    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            for status, response in operation["responses"].items():
                assert response["description"], (path, status)
                if int(status) >= 400:
                    examples = response["content"][media_type(path)]["examples"]
                    for example in examples.values():
                        words = example["value"]
                        assert words.get("error") or words.get("status", words.get("code")) == int(status)
    for path in ("/predict", "/predict/batch", "/classify/"):
        operation = document["paths"][path]["post"]
        assert "multipart/form-data" in operation["requestBody"]["content"]
        assert {"200", "400", "401", "408", "413", "415", "422", "429", "500", "503"} <= set(operation["responses"])


def test_the_documentation_page_loads_nothing_from_elsewhere(http):
    page = http.get("/docs").text

    assert "cdn." not in page
    assert "https://" not in page
    assert http.get("/swagger/swagger-ui-bundle.js").status_code == 200


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=10)


def test_an_answer_comes_in_one_piece_and_one_without_a_body_comes_too(backend_url):
    with connect(backend_url) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        whole = connection.recv(65_536)
        connection.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        head = connection.recv(65_536)

    assert whole.endswith(b'\r\n\r\n{"status":"alive"}')
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\ncontent-length: 18\r\n" in head
    assert head.endswith(b"\r\n\r\n")


def test_who_asks_before_sending_a_photo_is_told_to_go_on(backend_url, cat):
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nExpect: 100-continue\r\n"
    with connect(backend_url) as connection:
        connection.sendall(f"{head}Content-Length: {len(cat)}\r\n\r\n".encode())
        told = connection.recv(65_536)
        connection.sendall(cat)
        answer = connection.recv(65_536)

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_sigterm_answers_what_is_under_way_and_ends(tmp_path, cat):
    with running_backend(tmp_path / "log") as backend:
        assert httpx2.post(f"{backend.url}/predict", content=cat).status_code == 200

        started = time.monotonic()
        backend.process.send_signal(signal.SIGTERM)
        backend.process.wait(timeout=10)

    assert time.monotonic() - started < 10
    assert "Traceback" not in backend.log.read_text()


def test_an_unexpected_error_is_a_500_without_insides(cat):
    """What nobody thought of: the answer names an id, the log has the rest."""
    backend = build(Settings(cpus=1, calibrate=False))
    lifecycle = Lifecycle()
    api = create_api(Reloader(backend), lifecycle)

    @api.get("/boom")
    async def boom() -> None:
        raise RuntimeError("secret insides")

    with TestClient(RequestMiddleware(api, Ledger(backend.metrics, None), lifecycle)) as client:
        response = client.get("/boom")

    assert response.status_code == 500
    assert response.json()["code"] == "internal"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text
