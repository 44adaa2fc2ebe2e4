"""The log of a real server: it cannot be silenced, it silences nothing, and strangers write no lines of their own."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from bench import processes
from PIL import Image
from tests.metrics import metric
from tests.processes import RunningBackend, clean_environment, free_port, running_backend, wait_for

pytestmark = pytest.mark.slow  # each starts a server whose log goes wrong in another way


@contextlib.contextmanager
def serving(stderr: int, log: Path) -> Iterator[RunningBackend]:
    port = free_port()
    command = [sys.executable, "-m", "sightserve", "serve", "--port", str(port), "--cpus", "1"]
    process = subprocess.Popen(command, stderr=stderr, env=clean_environment())
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/health/ready", process, log)
        yield RunningBackend(url, process, log)
    finally:
        process.terminate()
        assert process.wait(timeout=15) == 0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except BlockingIOError:
        return b""


def ask(url: str, times: int, path: str = "/health/live") -> None:
    with httpx2.Client(timeout=10) as client:
        for _ in range(times):
            client.get(url + path)


def resident(server: RunningBackend) -> int:
    """Bytes of memory of the server's own process."""
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def dropped(url: str) -> float:
    return metric(url, "sightserve_log_lines_dropped_total")


def send_nonsense(url: str) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=10) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        connection.recv(65_536)


def test_a_server_whose_log_nobody_reads_answers_on_and_ends_in_order(tmp_path, cat):
    reading, writing = os.pipe()
    try:
        with serving(writing, tmp_path / "log") as server:
            os.close(writing)
            ask(server.url, 6500)  # more than the pipe and the queue hold
            send_nonsense(server.url)  # about which uvicorn warns
            assert httpx2.get(f"{server.url}/health/live", timeout=5).status_code == 200
            assert httpx2.post(f"{server.url}/predict", content=cat, timeout=10).status_code == 200
            until(lambda: dropped(server.url) > 0)
            before = resident(server)
            ask(server.url, 2000)
            assert resident(server) < before + 2 * 2**20
    finally:
        os.close(reading)


def test_the_log_goes_on_after_nobody_listened_for_a_while_and_says_what_it_lacks(tmp_path):
    fifo, log = tmp_path / "fifo", tmp_path / "log"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY)
    with serving(writing, log) as server:
        os.close(writing)
        until(lambda: b"/health/ready" in read(reading))
        os.close(reading)  # from now on every write of the server is a broken pipe
        ask(server.url, 50, "/lost")
        until(lambda: dropped(server.url) >= 50)

        reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        ask(server.url, 1, "/found")
        seen = b""

        def found() -> bool:
            nonlocal seen
            seen += read(reading)
            return b"/found" in seen and seen.endswith(b"\n")

        until(found)
    os.close(reading)
    lines = [json.loads(line) for line in seen.splitlines()]
    assert sum(line.get("dropped", 0) for line in lines) >= 50
    assert lines[0]["severity"] == "WARNING"


def test_a_full_disk_loses_lines_and_no_answers(tmp_path, cat):
    full = os.open("/dev/full", os.O_WRONLY)
    with serving(full, tmp_path / "log") as server:
        os.close(full)
        ask(server.url, 100)
        send_nonsense(server.url)
        until(lambda: dropped(server.url) >= 100)
        assert httpx2.post(f"{server.url}/predict", content=cat).status_code == 200


@pytest.fixture(scope="module")
def damaged_tiff() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 60).convert("RGB").save(buffer, "TIFF", compression="tiff_lzw")
    whole = bytearray(buffer.getvalue())
    whole[5000:9000:7] = bytes(len(whole[5000:9000:7]))
    return bytes(whole)


def test_what_libraries_say_of_strangers_files_is_in_the_log_as_lines_of_it_and_bounded(tmp_path, damaged_tiff):
    with running_backend(tmp_path / "log", "--cpus", "1") as server, httpx2.Client() as client:
        for _ in range(300):
            client.post(f"{server.url}/predict", content=damaged_tiff)

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    told = [line for line in lines if line["logger"] == "sightserve.slot"]
    assert 0 < len(told) < 250
    assert all(line["severity"] == "WARNING" for line in told)
    assert any(line.get("pid") for line in told)


def test_the_last_words_of_a_slot_that_crashes_are_in_the_log(tmp_path, cat):
    with running_backend(tmp_path / "log", "--cpus", "1") as server:
        slot = processes.tree(server.process.pid)[1]
        os.kill(slot, signal.SIGSEGV)
        until(lambda: "Segmentation fault" in server.log.read_text())
        until(lambda: httpx2.get(f"{server.url}/health/live").status_code == 200)

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    told = [line for line in lines if line.get("pid") == slot]
    assert f"slot {slot}: Fatal Python error: Segmentation fault" in [line["message"] for line in told]
    assert any("slot/main.py" in line["message"] for line in told)


def test_a_stranger_makes_the_log_grow_by_no_more_than_a_few_times_what_he_sends(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1") as server:
        before = server.log.stat().st_size
        for _ in range(10):
            httpx2.get(f"{server.url}/" + "%01" * 15_000, headers={"x-cloud-trace-context": "x" * 10_000})
        ask(server.url, 1, "/last")
        until(lambda: "/last" in server.log.read_text())

        assert server.log.stat().st_size - before < 10 * 10_000


def test_short_keys_are_warned_of_and_not_told(tmp_path):
    keys = "first,zwieback,long-enough-to-be-a-secret"
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_API_KEYS=keys) as server:
        pass

    written = server.log.read_text()
    assert "API keys can be guessed: 2 have fewer than 16 characters" in written
    assert "zwieback" not in written
