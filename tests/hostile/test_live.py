"""Attacks on the real server over loopback: every answer documented, none missing, and the next good photo answered right."""

import http.client
import json
import socket
import time
from pathlib import Path

import pytest
from bench import processes
from tests.hostile import corpus, wire
from tests.processes import RunningBackend, running_backend
from tests.soak.soak import soak

# What the server and its slots may hold after any attack beyond what they held when warm: one budget of decoded pixels
# (`max_pixels_in_flight`) at four bytes each.
DECODE_BUDGET = 50_000_000
DECODE_BUDGET_MB = DECODE_BUDGET * 4 / 2**20
JPEG = b"Content-Type: image/jpeg"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    log = tmp_path_factory.mktemp("hostile") / "log"
    short = {"SIGHTSERVE_HEADER_TIMEOUT": "1", "SIGHTSERVE_IDLE_TIMEOUT": "0.5", "SIGHTSERVE_BODY_TIMEOUT": "1.5"}
    with running_backend(log, **short, SIGHTSERVE_MAX_PIXELS_IN_FLIGHT=str(DECODE_BUDGET)) as backend:
        yield backend
    written = log.read_text()
    assert "Traceback" not in written
    assert '"severity": "ERROR"' not in written


def port_of(server: RunningBackend) -> int:
    return int(server.url.rsplit(":", 1)[1])


def ask(server: RunningBackend, image: bytes) -> wire.Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=60)
    connection.request("POST", "/predict", image, {"Content-Type": "application/octet-stream"})
    response = connection.getresponse()
    answer = wire.Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


def still_right(server: RunningBackend, cat: bytes) -> None:
    answer = ask(server, cat)
    assert answer.status == 200, answer
    assert json.loads(answer.body)["prediction"] in wire.LABELS


ATTACKS = wire.attacks((Path(__file__).parents[2] / "src/sightserve/frontend/samples/cat.jpg").read_bytes())


@pytest.mark.parametrize("name", ATTACKS)
def test_raw_bytes_get_the_right_answer(server, cat, name):
    expected = wire.EXPECTED.get(name, (400,))

    received = wire.exchange(port_of(server), ATTACKS[name], expected=len(expected))

    answers = wire.answers(received, bodiless=name == "HEAD")
    for answer in answers:
        wire.check(answer)
        if answer.status == 200 and b'"prediction"' in answer.body:
            assert json.loads(answer.body)["prediction"] in wire.LABELS
    assert tuple(answer.status for answer in answers) == expected
    still_right(server, cat)


@pytest.mark.slow
def test_the_small_corpus_is_answered_by_the_contract_and_leaves_no_memory_behind(server, cat):
    still_right(server, cat)
    before = processes.memory(server.process.pid)

    for data in corpus.small().values():
        wire.check(ask(server, data))
        still_right(server, cat)

    assert processes.memory(server.process.pid) <= before + DECODE_BUDGET_MB


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_expensive_corpus_is_answered_by_the_contract_and_leaves_no_memory_behind(server, cat):
    for _ in range(20):
        still_right(server, cat)
    before = processes.memory(server.process.pid)

    for name, data in corpus.expensive().items():
        started = time.perf_counter()
        wire.check(ask(server, data))
        assert time.perf_counter() - started < 20, name
        still_right(server, cat)

    assert processes.memory(server.process.pid) <= before + DECODE_BUDGET_MB


PHASES = {
    "before a byte": b"",
    "in the request line": b"POST /pre",
    "in the headers": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-",
    "before the body": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    "in the body": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
    "in a form": b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 1000\r\n\r\n--b\r\nContent-Disp",
    "in a chunk": b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "before the answer": wire.post(ATTACKS["gzipped content"].partition(b"\r\n\r\n")[2], JPEG),
    "in the answer": wire.get(b"/model"),
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("phase", PHASES)
def test_an_abrupt_end_in_any_phase_harms_nobody(server, cat, phase, reset):
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", port_of(server)), timeout=5) as connection:
            connection.sendall(PHASES[phase])
            if reset:  # no farewell: SO_LINGER with 0 seconds
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    still_right(server, cat)


SLOW = {
    "headers": b"GET / HTTP/1.1\r\nX-Slow: ",
    "empty lines": b"\r\n",
    "body": PHASES["in the body"],
    "the rest of a refused body": PHASES["in the body"].replace(b"/predict", b"/nothing"),
    "chunks": PHASES["in a chunk"],
}


@pytest.mark.parametrize("what", SLOW)
def test_a_sender_that_trickles_is_cut_off(server, cat, what):
    """A byte every 0.1 seconds keeps the idle timeout (0.5 s) away; the others (1 and 1.5 s) do not wait for ever."""
    started = time.monotonic()

    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=0.1) as connection:
        connection.sendall(SLOW[what])
        received, ended = b"", False
        while not ended and time.monotonic() - started < 8:
            try:
                packet = connection.recv(65_536)
                received += packet
                ended = not packet
            except TimeoutError:
                connection.sendall(b"\r\n" if what == "empty lines" else b"x")
            except OSError:
                ended = True
            time.sleep(0.05)

    assert ended
    for answer in wire.answers(received):
        wire.check(answer)
    still_right(server, cat)


def test_two_hundred_slow_senders_do_not_keep_a_good_photo_out(server, cat):
    sockets = [socket.create_connection(("127.0.0.1", port_of(server)), timeout=5) for _ in range(200)]
    for i, connection in enumerate(sockets):
        connection.sendall(list(SLOW.values())[i % len(SLOW)])

    still_right(server, cat)

    for connection in sockets:
        connection.close()


def test_a_client_that_never_takes_its_answers_is_cut_off(server, cat):
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=0.2) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ended, deadline = False, time.monotonic() + 15
        while not ended and time.monotonic() < deadline:
            try:
                connection.sendall(wire.get(b"/openapi.json"))
                time.sleep(0.01)
            except TimeoutError:
                continue
            except OSError:
                ended = True

    assert ended
    still_right(server, cat)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_bounded_soak_answers_every_good_photo_and_keeps_its_memory(tmp_path):
    report = soak(4_000, 2_000, tmp_path / "log", looks=2)

    assert not report.wrong
    assert report.growth <= 0.10, report.memory
