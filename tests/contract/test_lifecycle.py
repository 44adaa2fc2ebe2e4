"""From start to end: readiness, draining under load, and slots that die or hang."""

import os
import signal
import subprocess
import threading
import time

import httpx2
import pytest
from tests.processes import running_backend

NOT_ACCEPTED = "not accepted"


class Load:
    """Sends photos without pause on some connections until it is told to stop; remembers every outcome.

    A connection that the system took but the server never accepted is reset when the port closes: that request is "not
    accepted", and no server can do anything for it. It can only be the first on its connection.
    """

    def __init__(self, url: str, photo: bytes, connections: int) -> None:
        self.outcomes: list[object] = []
        self._url, self._photo = url, photo
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(connections)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx2.Client(timeout=30) as client:
            while not self._end.is_set():
                try:
                    self.outcomes.append(client.post(f"{self._url}/predict", content=self._photo).status_code)
                except httpx2.ConnectError:
                    return  # the port is closed: nothing was accepted
                except httpx2.ReadError as exc:
                    self.outcomes.append(NOT_ACCEPTED if "reset" in str(exc) else exc)
                    return
                except httpx2.HTTPError as exc:
                    self.outcomes.append(exc)
                    return


def test_sigterm_under_load_loses_nothing_that_was_accepted(tmp_path, espresso):
    graceful = running_backend(tmp_path / "log", SIGHTSERVE_DRAIN_GRACE="1")
    with graceful as backend, Load(backend.url, espresso, connections=8) as load:
        time.sleep(1.0)
        started = time.monotonic()
        backend.process.send_signal(signal.SIGTERM)
        saw_not_ready = False
        while backend.process.poll() is None:
            try:
                saw_not_ready |= httpx2.get(f"{backend.url}/health/ready", timeout=1).status_code == 503
            except httpx2.HTTPError:
                break
        assert backend.process.wait(timeout=10) == 0

    assert time.monotonic() - started < 10
    assert saw_not_ready, "readiness drops while the port is still open"
    assert len(load.outcomes) > 20
    assert set(load.outcomes) <= {200, NOT_ACCEPTED}
    # every request that the server saw was answered, and its answer arrived
    seen = [line for line in backend.log.read_text().splitlines() if "POST /predict 200" in line]
    assert len(seen) == load.outcomes.count(200)
    assert "Traceback" not in backend.log.read_text()


def test_a_request_under_way_at_sigterm_is_answered(tmp_path, espresso):
    with running_backend(tmp_path / "log") as backend:

        def slow_body():
            yield espresso[:100]
            backend.process.send_signal(signal.SIGTERM)
            time.sleep(1.0)
            yield espresso[100:]

        answer = httpx2.post(f"{backend.url}/predict", content=slow_body(), timeout=30)
        code = backend.process.wait(timeout=10)

    assert answer.json()["prediction"] == "espresso"
    assert code == 0
    assert "POST /predict 200" in backend.log.read_text(), "its line too"


def test_a_second_sigterm_ends_the_grace_and_loses_nothing_of_the_log(tmp_path, espresso):
    with running_backend(tmp_path / "log", SIGHTSERVE_DRAIN_GRACE="8") as backend:
        httpx2.post(f"{backend.url}/predict", content=espresso)
        started = time.monotonic()
        backend.process.send_signal(signal.SIGTERM)
        while httpx2.get(f"{backend.url}/health/ready").status_code != 503:
            time.sleep(0.01)
        backend.process.send_signal(signal.SIGTERM)
        code = backend.process.wait(timeout=10)

    assert time.monotonic() - started < 5
    assert code == 0
    assert "POST /predict 200" in backend.log.read_text()


def slots(pid: int) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-P", str(pid), "-f", "sightserve.backend.slot.main"], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


@pytest.mark.slow
def test_a_slot_that_dies_under_load_takes_nobody_along(tmp_path, espresso):
    """The only slot, with eight photos at work, is killed three times: whoever shared it with the guilty one is answered."""
    kills = 3
    calm = {"SIGHTSERVE_BATCH_SIZE": "8", "SIGHTSERVE_DEADLINE_MS": "20000"}
    with (
        running_backend(tmp_path / "log", "--cpus", "1", **calm) as backend,
        Load(backend.url, espresso, connections=24) as load,
    ):
        for _ in range(kills):
            answered = len(load.outcomes)
            while len(load.outcomes) < answered + 48:  # everybody has asked again: eight wait for each that run
                time.sleep(0.01)
            (slot,) = slots(backend.process.pid)
            os.kill(slot, signal.SIGKILL)
            while slots(backend.process.pid) in ([], [slot]):
                time.sleep(0.01)
        metrics = httpx2.get(f"{backend.url}/metrics").text

    assert set(load.outcomes) <= {200, 500}
    assert load.outcomes.count(500) <= kills  # not eight times as many: one where it was alone in the slot, else none
    assert f"sightserve_lost_slots_total {kills}.0" in metrics
