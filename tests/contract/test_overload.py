"""Too many people at once: refusals that are quick and true, deadlines that hold, callers who leave."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter

import httpx2
import pytest
from PIL import Image
from tests.processes import running_backend


@pytest.fixture(scope="module")
def slow_photo() -> bytes:
    """A photo that takes a while to decode: no reduced scale helps a PNG."""
    buffer = io.BytesIO()
    Image.effect_noise((2500, 2000), 60).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@pytest.fixture
def backend(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1") as running:
        yield running


def metric(url: str, name: str, **labels: str) -> float:
    text = httpx2.get(f"{url}/metrics").text
    wanted = "".join(rf'(?=[^}}]*{key}="{value}")' for key, value in labels.items())
    found = re.search(rf"^{name}(?:\{{{wanted}[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


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


@pytest.fixture
def busy(backend, slow_photo):
    """A backend with one photo in flight and time for no other: the address of its port."""
    address = ("127.0.0.1", int(backend.url.rsplit(":", 1)[1]))
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(slow_photo)}\r\n\r\n"
    with socket.create_connection(address) as blocker:
        blocker.sendall(head.encode() + slow_photo)
        while not metric(backend.url, "sightserve_requests_in_flight"):
            time.sleep(0.005)
        yield address


def told(connection: socket.socket) -> tuple[bytes, dict[str, str], bytes]:
    """The next answer on a connection: its status line, its headers, its body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65536)
        assert piece, f"the connection ended after {answer!r}"
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.decode().lower().split(": ", 1) for line in lines)
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return status, headers, body


def test_a_refusal_at_the_door_reads_as_one_from_further_inside(backend, busy):
    """`/predict/` is refused by the middleware, `/predict` by the protocol: nobody can tell them apart."""
    heads = [
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nX-Request-Id: mine\r\nX-Request-Deadline-Ms: 1\r\n\r\n"
        for path in ("/predict", "/predict?top_k=3", "/predict/")
    ]

    answers = []
    for head in heads:
        with socket.create_connection(busy, timeout=5) as connection:
            connection.sendall(head.encode())
            answers.append(told(connection))

    assert answers[0][0] == b"HTTP/1.1 503 Service Unavailable"
    assert json.loads(answers[0][2])["request_id"] == answers[0][1]["x-request-id"] == "mine"
    assert answers[0] == answers[1] == answers[2]
    assert metric(backend.url, "sightserve_http_requests_total", route="/predict", status="503") == 2


def test_a_connection_whose_request_was_refused_carries_the_next_ones(busy, espresso):
    """The body of a refused request is passed over, in however many pieces it comes, and the next one counts again."""
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(espresso)}\r\n"
    impatient = f"{head}X-Request-Deadline-Ms: 1\r\n\r\n".encode()

    with socket.create_connection(busy, timeout=30) as connection:
        connection.sendall(impatient)
        first = told(connection)
        for start in range(0, len(espresso), 5000):
            connection.sendall(espresso[start : start + 5000])
        connection.sendall(impatient + espresso)
        second = told(connection)
        connection.sendall(f"{head}\r\n".encode() + espresso)
        third = told(connection)

    assert [first[0][9:12], second[0][9:12], third[0][9:12]] == [b"503", b"503", b"200"]
    assert json.loads(third[2])["prediction"] == "espresso"


def test_refusals_that_nobody_takes_do_not_pile_up(tmp_path, espresso):
    """Requests sent ahead without end by somebody who reads no answers, while the only slot is stopped, are not read either."""
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_HEADER_TIMEOUT="60") as backend:
        found = subprocess.run(
            ["pgrep", "-P", str(backend.process.pid), "-f", "slot_main"], capture_output=True, check=True
        )
        slot = int(found.stdout)
        os.kill(slot, signal.SIGSTOP)
        address = ("127.0.0.1", int(backend.url.rsplit(":", 1)[1]))
        with socket.create_connection(address) as waiting, socket.create_connection(address) as flood:
            head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            waiting.sendall(f"{head}Content-Length: {len(espresso)}\r\n\r\n".encode() + espresso)
            while not metric(backend.url, "sightserve_requests_in_flight"):
                time.sleep(0.005)
            ahead = f"{head}Content-Length: 0\r\nX-Request-Deadline-Ms: 1\r\n\r\n".encode() * 500
            flood.settimeout(3)
            sent, taken = 0, True
            while taken and sent < 40_000_000:
                try:
                    sent += flood.send(ahead)
                except TimeoutError:
                    taken = False
        os.kill(slot, signal.SIGCONT)

    assert not taken, f"{sent:,} bytes of requests were read"


def test_after_the_rush_everything_is_as_before(backend, slow_photo, espresso):
    post_many(backend.url, slow_photo, 60)

    assert httpx2.post(f"{backend.url}/predict", content=espresso).json()["prediction"] == "espresso"
    assert metric(backend.url, "sightserve_requests_in_flight") == 0
    assert metric(backend.url, "sightserve_queue_depth") == 0


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1.5", ""])
def test_a_deadline_that_is_none_is_a_bad_parameter(backend, espresso, value):
    answer = httpx2.post(f"{backend.url}/predict", content=espresso, headers={"x-request-deadline-ms": value})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_parameter"


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
