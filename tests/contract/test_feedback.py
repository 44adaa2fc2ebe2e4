"""Feedback over HTTP: the real server with SQLite, without a database, and with one that is away or says nothing."""

import io
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
import schemathesis
from PIL import Image
from schemathesis import GenerationMode
from tests.contract.test_openapi_live import check_answers
from tests.metrics import metric
from tests.processes import clean_environment, running_backend

from sightserve.client import ApiError, Client

MODEL = "efficientnet-lite2-int8"
PROTOCOLS = [
    ("POST", "/classify/", {}),
    ("POST", "/hf", {}),
    ("PUT", f"/predictions/{MODEL}", {}),
    ("POST", f"/v2/models/{MODEL}/infer", {"inference-header-content-length": "0"}),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("feedback") / "feedback.db"


@pytest.fixture(scope="module")
def keeping(database):
    environment = {
        "SIGHTSERVE_FEEDBACK_DATABASE": f"sqlite:///{database}",
        "SIGHTSERVE_FEEDBACK_DAYS": "30",
        "SIGHTSERVE_ADMIN": "1",
    }
    with running_backend(database.parent / "log", "--cpus", "1", **environment) as backend:
        yield backend


@pytest.fixture
def client(keeping):
    with Client(keeping.url) as made:
        yield made


def rows(database: Path, query: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_an_answer_is_judged_counted_and_forgotten(client, cat):
    answer = client.predict(cat)
    assert answer.id is not None
    assert len(answer.id) == 22  # 128 bits, six in a character
    before = client.feedback_summary()

    assert client.feedback(answer, right=True).photo is False
    assert client.feedback(answer, right=False, label="lynx", note="its ears", photo=cat).photo is True
    client.forget(answer)

    with pytest.raises(ApiError) as caught:
        client.feedback(answer, right=True)
    assert caught.value.code == "unknown_prediction"
    assert client.feedback_summary().judged >= before.judged


def test_every_file_of_a_batch_has_an_id_of_its_own(client, cat, espresso):
    batch = client.predict_batch([cat, espresso, b"no photo"])

    ids = [item.result.id for item in batch.results if item.result]
    assert len({*ids}) == len(ids) == 2
    for each in ids:
        client.feedback(each, right=True)


@pytest.mark.parametrize(("method", "path", "headers"), PROTOCOLS)
def test_other_protocols_say_the_id_in_a_header(keeping, client, cat, method, path, headers):
    answer = httpx2.request(method, keeping.url + path, content=cat, headers=headers)

    assert answer.status_code == 200
    assert "filename" not in answer.headers["x-prediction-id"]
    client.feedback(answer.headers["x-prediction-id"], right=True)


def test_a_photo_of_another_answer_is_not_kept(client, cat, espresso):
    answer = client.predict(cat)

    with pytest.raises(ApiError) as caught:
        client.feedback(answer, right=True, photo=espresso)

    assert (caught.value.code, caught.value.status) == ("photo_refused", 422)


def test_who_asked_is_kept_and_neither_names_nor_addresses(keeping, database, cat):
    files = {"file": ("my_holiday_photo.jpg", cat)}
    with Client(keeping.url, source="page") as page:
        ids = {"page": page.predict(cat).id, "api": httpx2.post(f"{keeping.url}/predict", files=files).json()["id"]}
        for each in ids.values():
            page.feedback(each, right=True)  # behind them: when this is kept, they are

    with Client(keeping.url, source="video") as video:
        assert video.predict(cat).id is None  # of thousands of frames
    found = dict(rows(database, "SELECT id, source FROM prediction"))
    assert {source: found[each] for source, each in ids.items()} == {"page": "page", "api": "api"}
    written = b"".join(path.read_bytes() for path in database.parent.glob("feedback.db*"))
    assert b"my_holiday_photo" not in written
    assert b"127.0.0.1" not in written


def test_the_service_says_what_is_kept_and_the_metrics_how_much(keeping, client, cat):
    client.feedback(client.predict(cat), right=True)

    service = client.info()

    assert service.feedback is not None
    assert (service.feedback.days, service.feedback.photos) == (30, True)
    assert metric(keeping.url, "sightserve_feedback_total", verdict="right") >= 1
    assert metric(keeping.url, "sightserve_feedback_dropped_total") == 0


def test_a_photo_that_only_a_decoder_can_refuse_leaves_the_server_alone(keeping, client):
    """A PNG that announces more than there is: what looks at it is a worker, and nothing of it is in the server."""
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300)).save(buffer, "PNG")
    answer = client.predict(buffer.getvalue())

    with pytest.raises(ApiError) as caught:
        client.feedback(answer, right=True, photo=buffer.getvalue()[:200])

    assert caught.value.code == "unreadable_image"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/feedback", GenerationMode.POSITIVE),
        ("POST", "/feedback", GenerationMode.NEGATIVE),
        ("GET", "/feedback", GenerationMode.POSITIVE),
        ("DELETE", "/feedback/{id}", GenerationMode.POSITIVE),
    ],
)
def test_every_answer_is_as_the_openapi_document_says(keeping, method, path, mode):
    check_answers(schemathesis.openapi.from_url(f"{keeping.url}/openapi.json"), method, path, mode)


@pytest.mark.slow
def test_another_model_leaves_what_was_said_of_the_one_before(keeping, client, cat):
    before = client.predict(cat)
    client.feedback(before, right=True)

    assert httpx2.post(f"{keeping.url}/admin/reload", json={"model": "fast"}, timeout=60).status_code == 200

    assert client.feedback(before, right=False).id == before.id
    after = client.predict(cat)
    client.feedback(after, right=True)
    summary = client.feedback_summary()
    assert (summary.judged, summary.right) == (1, 1)  # of the one that serves now
    assert httpx2.post(f"{keeping.url}/admin/reload", json={"model": "accurate"}, timeout=60).status_code == 200


def test_where_nothing_is_kept_answers_have_no_id_and_the_refusal_says_how_to_turn_it_on(backend_url, cat):
    answer = httpx2.post(f"{backend_url}/predict", content=cat).json()
    given = httpx2.post(f"{backend_url}/feedback", json={"id": "x", "verdict": "right"})

    assert answer["id"] is None
    assert httpx2.get(backend_url).json()["feedback"] is None
    assert "x-prediction-id" not in httpx2.post(f"{backend_url}/hf", content=cat).headers
    assert given.status_code == 404
    assert "SIGHTSERVE_FEEDBACK_DATABASE" in given.json()["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"SIGHTSERVE_FEEDBACK_DATABASE": "feedback.db"}, "sqlite:///"),
        ({"SIGHTSERVE_FEEDBACK_DATABASE": "mysql://app:hunter2@db/x"}, "postgresql://"),
        ({"SIGHTSERVE_FEEDBACK_DATABASE": "sqlite:////no/such/folder/feedback.db"}, "/no/such/folder"),
        ({"SIGHTSERVE_FEEDBACK_DATABASE": "sqlite:///feedback.db", "K_SERVICE": "app"}, "Cloud Run"),
    ],
)
def test_a_database_that_cannot_be_used_ends_the_start_with_a_sentence(environment, words):
    command = [sys.executable, "-m", "sightserve", "serve", "--port", "0", "--cpus", "1"]

    ended = subprocess.run(
        command, env=clean_environment(**environment), capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


@contextmanager
def says_nothing() -> Iterator[int]:
    """A port that takes connections, and nobody reads what comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@contextmanager
def nobody_there() -> Iterator[int]:
    """A port where nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.slow
def test_a_dead_database_delays_and_fails_no_prediction(tmp_path, cat):
    with says_nothing() as silent, nobody_there() as absent, ThreadPoolExecutor() as pool:
        tried = [pool.submit(try_without, port, tmp_path / str(port), cat) for port in (silent, absent)]

    for each in tried:
        each.result()


def try_without(port: int, log: Path, photo: bytes) -> None:
    """Have a server answer whose database does not, and end it."""
    address = f"postgresql://app:hunter2@127.0.0.1:{port}/feedback"
    with (
        running_backend(log, "--cpus", "1", SIGHTSERVE_FEEDBACK_DATABASE=address) as backend,
        httpx2.Client(base_url=backend.url, timeout=30) as http,
        ThreadPoolExecutor() as pool,
    ):
        took = []
        for _ in range(100):
            began = time.monotonic()
            answer = http.post("/predict", content=photo)
            took.append(time.monotonic() - began)
            assert answer.status_code == 200
        began = time.monotonic()
        asked = [
            pool.submit(http.post, "/feedback", json={"id": answer.json()["id"], "verdict": "right"}),
            pool.submit(http.get, "/feedback"),
            pool.submit(http.delete, "/feedback/x"),
        ]
        refused = [each.result() for each in asked]
        waited = time.monotonic() - began
        began = time.monotonic()
        backend.process.terminate()
        backend.process.wait(timeout=15)
        ended = time.monotonic() - began

    assert [answer.status_code for answer in refused] == [503] * 3
    assert {answer.json()["code"] for answer in refused} == {"feedback_unavailable"}
    assert waited < 12
    assert (
        max(took) < 1.0
    )  # a prediction takes 0.02 s; one that waited for the database would take as long as its timeout
    assert ended < 10
    assert "hunter2" not in log.read_text()
    assert "Traceback" not in log.read_text()
