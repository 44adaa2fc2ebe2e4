"""Too many people at once: refusals that are quick and true, deadlines that hold, callers who leave."""

import asyncio
import io
import json
import socket
import time
from collections import Counter

import httpx2
import pytest
from PIL import Image
from tests.metrics import metric
from tests.processes import running_backend


@pytest.fixture
def backend(small_backend):
    return small_backend


def post_many(url: str, photo: bytes, count: int, **headers: str) -> list[httpx2.Response]:
    async def run() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=count)
        async with httpx2.AsyncClient(limits=limits, timeout=60) as client:
            sends = (client.post(f"{url}/predict", content=photo, headers=headers) for _ in range(count))
            return list(await asyncio.gather(*sends))

    return asyncio.run(run())


def test_what_cannot_be_answered_in_time_is_refused_and_the_rest_is_answered(backend, slow_photo):
    answers = post_many(backend.url, slow_photo, 100, **{"x-request-deadline-ms": "600"})

    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) <= {200, 503, 504}
    assert counted[200] >= 2
    assert counted[503] >= 10
    for refused in (answer for answer in answers if answer.status_code == 503):
        assert refused.json()["code"] == "overloaded"
        assert int(refused.headers["retry-after"]) >= 1
    assert metric(backend.url, "sightserve_rejected_total", reason="deadline") >= 10


def test_a_refusal_comes_before_the_body_is_read(backend, slow_photo):
    """Headers alone are enough: the body of this request is never sent."""
    blocker = socket.create_connection(("127.0.0.1", int(backend.url.rsplit(":", 1)[1])))
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(slow_photo)}\r\n"
    blocker.sendall(f"{head}\r\n".encode() + slow_photo)  # something is in flight
    while not metric(backend.url, "sightserve_requests_in_flight"):
        time.sleep(0.005)

    with socket.create_connection(("127.0.0.1", int(backend.url.rsplit(":", 1)[1])), timeout=5) as connection:
        connection.sendall(f"{head}X-Request-Deadline-Ms: 1\r\n\r\n".encode())
        answer = b""
        while b"}" not in answer and (piece := connection.recv(4096)):  # head and body may come apart
            answer += piece

    blocker.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"overloaded"' in answer


@pytest.mark.slow
def test_after_the_rush_everything_is_as_before(backend, slow_photo, espresso):
    post_many(backend.url, slow_photo, 60)

    assert httpx2.post(f"{backend.url}/predict", content=espresso).json()["prediction"] == "espresso"
    assert metric(backend.url, "sightserve_requests_in_flight") == 0
    assert metric(backend.url, "sightserve_queue_depth") == 0


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1.5", ""])
def test_a_deadline_that_is_none_is_a_bad_parameter(backend_url, espresso, value):
    answer = httpx2.post(f"{backend_url}/predict", content=espresso, headers={"x-request-deadline-ms": value})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_parameter"


@pytest.mark.slow
def test_liveness_does_not_wait_behind_inference(backend, slow_photo):
    async def run() -> float:
        async with httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=60)) as client:
            load = [asyncio.create_task(client.post(f"{backend.url}/predict", content=slow_photo)) for _ in range(40)]
            await asyncio.sleep(0.3)
            assert not all(task.done() for task in load)
            slowest = 0.0
            for _ in range(10):
                started = time.perf_counter()
                assert (await client.get(f"{backend.url}/health/live")).status_code == 200
                slowest = max(slowest, time.perf_counter() - started)
            await asyncio.gather(*load)
            return slowest

    # forty of these photos take seconds; a probe that waited behind one of them would take 50 ms or more each time
    assert asyncio.run(run()) < 1.0


def test_the_work_of_callers_who_hang_up_is_never_started(backend, slow_photo):
    """Thirty people send a photo, and twenty-nine of them close the connection at once: their photos are not decoded."""
    port = int(backend.url.rsplit(":", 1)[1])
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(slow_photo)}\r\n\r\n"
    before = metric(backend.url, "sightserve_inference_seconds_count")

    def send() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.sendall(head.encode() + slow_photo)
        return connection

    patient = send()
    leavers = [send() for _ in range(29)]
    for leaver in leavers:
        leaver.close()
    answer = patient.recv(65536)
    deadline = time.monotonic() + 20
    while metric(backend.url, "sightserve_requests_in_flight") and time.monotonic() < deadline:
        time.sleep(0.05)

    patient.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    inferences = metric(backend.url, "sightserve_inference_seconds_count") - before
    # one for the patient caller, and those few that a slot had taken while the others were still sending
    assert inferences <= 15
    assert metric(backend.url, "sightserve_abandoned_total") >= 10


@pytest.mark.slow
def test_a_batch_whose_sender_hangs_up_goes_no_further(backend):
    """Thirty images of 20 megapixels, a tenth of a second each: those not yet at work when it closes are never started."""
    buffer = io.BytesIO()
    Image.new("RGB", (5000, 4000)).save(buffer, "PNG", compress_level=1)
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + buffer.getvalue() + b"\r\n"
        for _ in range(30)
    )
    body = parts + b"--b--\r\n"
    head = "POST /predict/batch HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"

    with socket.create_connection(("127.0.0.1", int(backend.url.rsplit(":", 1)[1])), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        while not metric(backend.url, "sightserve_inference_seconds_count"):
            time.sleep(0.005)
    while metric(backend.url, "sightserve_requests_in_flight"):
        time.sleep(0.01)

    assert metric(backend.url, "sightserve_inference_seconds_count") < 25


def test_a_batch_takes_its_turn_and_does_not_take_over(backend, espresso):
    """A single photo that comes while a batch of forty is worked on does not wait for its end."""

    async def run() -> tuple[int, float, float]:
        async with httpx2.AsyncClient(timeout=60) as client:
            started = time.perf_counter()
            files = [("file", (f"{i}.jpg", espresso)) for i in range(40)]
            batch = asyncio.create_task(client.post(f"{backend.url}/predict/batch", files=files))
            while not metric(backend.url, "sightserve_inference_seconds_count"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.005)
            single = await client.post(f"{backend.url}/predict", content=espresso)
            single_done = time.perf_counter() - started
            answer = await batch
            assert answer.json()["succeeded"] == 40
            return single.status_code, single_done, time.perf_counter() - started

    status, single_done, batch_done = asyncio.run(run())

    assert status == 200
    assert single_done < batch_done


def test_the_log_has_a_line_for_every_request_with_its_trace(tmp_path, espresso):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    environment = {"GOOGLE_CLOUD_PROJECT": "my-project", "SIGHTSERVE_LOG_FORMAT": "json"}
    with running_backend(tmp_path / "log", **environment) as backend:
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-request-id": "mine"}
        httpx2.post(f"{backend.url}/predict", content=espresso, headers=headers)
        httpx2.get(f"{backend.url}/model", headers={"x-cloud-trace-context": f"{trace}/123;o=1"})

    lines = [json.loads(line) for line in backend.log.read_text().splitlines()]
    predict = next(line for line in lines if line.get("path") == "/predict")
    model = next(line for line in lines if line.get("path") == "/model")
    assert (predict["status"], predict["request_id"], predict["severity"]) == (200, "mine", "INFO")
    for line in (predict, model):
        assert line["logging.googleapis.com/trace"] == f"projects/my-project/traces/{trace}"


@pytest.mark.slow
def test_one_connection_too_many_is_told_so_and_takes_nobodys_place(tmp_path, cat):
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_MAX_CONNECTIONS="10") as running:
        address = ("127.0.0.1", int(running.url.rsplit(":", 1)[1]))
        with httpx2.Client() as known:
            known.get(f"{running.url}/health/live")  # its connection stays open
            idle = [socket.create_connection(address) for _ in range(9)]
            with socket.create_connection(address, timeout=5) as late:
                told = b""
                while piece := late.recv(4096):
                    told += piece
            head, _, body = told.partition(b"\r\n\r\n")

            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1" in head
            assert json.loads(body)["code"] == "overloaded"
            assert known.post(f"{running.url}/predict", content=cat).status_code == 200
            idle.pop().close()
            assert metric_after(running.url, "sightserve_rejected_total", reason="connections") >= 1
        for connection in idle:
            connection.close()


def metric_after(url: str, name: str, **labels: str) -> float:
    """The same as `metric`, as soon as there is a place for the connection that asks."""
    for _ in range(50):
        if httpx2.get(f"{url}/health/live").status_code == 200:
            break
        time.sleep(0.1)
    return metric(url, name, **labels)
