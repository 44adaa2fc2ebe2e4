"""What a refusal leaves behind: a connection that carries the next request, and nothing that piles up."""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

import pytest
from bench.processes import memory
from tests.metrics import metric
from tests.processes import running_backend


@pytest.fixture
def busy(small_backend, slow_photo):
    """A backend with one photo in flight and time for no other: the address of its port."""
    address = ("127.0.0.1", int(small_backend.url.rsplit(":", 1)[1]))
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(slow_photo)}\r\n\r\n"
    with socket.create_connection(address) as blocker:
        blocker.sendall(head.encode() + slow_photo)
        while not metric(small_backend.url, "sightserve_requests_in_flight"):
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


def test_a_refusal_reads_the_same_at_every_address(small_backend, busy):
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
    for _, headers, _ in answers:
        del headers["date"]
    assert answers[0] == answers[1] == answers[2]
    assert metric(small_backend.url, "sightserve_http_requests_total", route="/predict", status="503") == 2


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


@pytest.mark.slow
def test_refusals_that_nobody_takes_do_not_pile_up(tmp_path, espresso):
    """Requests sent ahead without end by somebody who reads no answers, while the only slot is stopped."""
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_HEADER_TIMEOUT="60") as backend:
        found = subprocess.run(
            ["pgrep", "-P", str(backend.process.pid), "-f", "sightserve.backend.slot.main"],
            capture_output=True,
            check=True,
        )
        slot = int(found.stdout)
        os.kill(slot, signal.SIGSTOP)
        address = ("127.0.0.1", int(backend.url.rsplit(":", 1)[1]))
        with socket.create_connection(address) as waiting, socket.create_connection(address) as flood:
            head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            waiting.sendall(f"{head}Content-Length: {len(espresso)}\r\n\r\n".encode() + espresso)
            while not metric(backend.url, "sightserve_requests_in_flight"):
                time.sleep(0.005)
            ahead = f"{head}Content-Length: 0\r\nX-Request-Deadline-Ms: 1\r\n\r\n".encode() * 20
            before, answered = memory(backend.process.pid), 0.0
            flood.settimeout(1)
            with suppress(TimeoutError, ConnectionError):  # nobody reads on, or nobody listens any more
                for _ in range(5_000):
                    flood.sendall(ahead)
            answered = metric(backend.url, "sightserve_http_requests_total", route="/predict", status="503")
            after = memory(backend.process.pid)
        os.kill(slot, signal.SIGCONT)

    assert answered > 0
    assert after < before + 20
