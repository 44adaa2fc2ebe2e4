"""Bodies that never come, or a byte at a time: they cost their connections, and no good photo is refused because of them."""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import httpx2
import pytest
from tests.metrics import metric
from tests.processes import RunningBackend, running_backend

pytestmark = pytest.mark.slow  # waits for senders that take their time

SENDERS = 1000


@pytest.fixture
def backend(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "2") as running:
        yield running


def head(size: int) -> bytes:
    return f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n".encode()


@contextlib.contextmanager
def under(attack: Callable[[list[socket.socket], threading.Event], None]) -> Iterator[None]:
    """Have connections opened, and written to, in another thread until the block ends."""
    held: list[socket.socket] = []
    end = threading.Event()
    thread = threading.Thread(target=attack, args=(held, end))
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        for connection in held:
            connection.close()


def good_photos(url: str, photo: bytes, count: int) -> Counter[int]:
    answers = Counter[int]()
    with httpx2.Client(timeout=30) as client:
        for _ in range(count):
            answers[client.post(f"{url}/predict", content=photo).status_code] += 1
            time.sleep(0.05)
    return answers


def address(backend: RunningBackend) -> tuple[str, int]:
    return "127.0.0.1", int(backend.url.rsplit(":", 1)[1])


def test_heads_without_bodies_refuse_nobody(backend, espresso):
    """40 kB of them each second, each on a connection of its own that is given up after two seconds."""
    announced = head(100_000)
    each = 40_000 // len(announced) // 10

    def attack(held: list[socket.socket], end: threading.Event) -> None:
        while not end.wait(0.1):
            for _ in range(each):
                held.append(socket.create_connection(address(backend)))
                held[-1].sendall(announced)
            while len(held) > 20 * each:
                held.pop(0).close()

    with under(attack):
        time.sleep(1.5)
        assert good_photos(backend.url, espresso, 40) == {200: 40}


def test_a_thousand_senders_of_a_byte_now_and_then_refuse_nobody(backend, espresso):
    def attack(held: list[socket.socket], end: threading.Event) -> None:
        for _ in range(SENDERS):
            held.append(socket.create_connection(address(backend)))
            held[-1].sendall(head(100_000) + b"\xff")
            # An upload that has just begun counts as work ahead of others, for a tenth of a second: all at once, some of these
            # would be refused themselves, as is right, and there would be no thousand.
            time.sleep(0.001)
        while not end.wait(8):
            for connection in held:
                with contextlib.suppress(OSError):  # refused meanwhile, as it should be
                    connection.sendall(b"\xff")

    with under(attack):
        while metric(backend.url, "sightserve_requests_in_flight") < 0.9 * SENDERS:
            time.sleep(0.05)
        assert good_photos(backend.url, espresso, 40) == {200: 40}


def test_an_upload_gives_its_place_to_others_when_there_are_too_many(tmp_path, espresso):
    """Two places, both taken by senders who send nothing: the next photo gets one of them, and the sender is told."""
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_MAX_UPLOADS="2") as backend:
        held = [socket.create_connection(address(backend), timeout=20) for _ in range(2)]
        for connection in held:
            connection.sendall(head(100_000) + b"\xff")
        answers = Counter[int]()
        while not answers[200]:
            answers += good_photos(backend.url, espresso, 1)
        told = held[0].recv(12)
        for connection in held:
            connection.close()

    assert set(answers) == {200, 503}
    assert told == b"HTTP/1.1 503"
