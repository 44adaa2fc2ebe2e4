"""Ten thousand corrections while PostgreSQL is killed and comes back: nothing acknowledged is lost, no prediction notices."""

import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from typing import NamedTuple

import psycopg
import pytest
from tests.metrics import metric
from tests.postgres import postgres
from tests.processes import running_backend

from sightserve.client import Client, ClientError
from sightserve.client.retry import ONCE

CORRECTIONS = 10_000
SENDERS = 12
ANSWERS = 200  # that they are of: of each many are said, and the last counts
OUTAGE = 3.0  # seconds
PAUSE = 0.02  # seconds between predictions: all of this shares two CPUs


class Asked(NamedTuple):
    began: float
    took: float


class Predictions(threading.Thread):
    """Asks for one prediction after another until it is told to stop."""

    def __init__(self, client: Client, photo: bytes) -> None:
        super().__init__()
        self.client, self.photo, self.stop = client, photo, threading.Event()
        self.asked: list[Asked] = []
        self.failures: list[ClientError] = []

    def run(self) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self.client.predict(self.photo, retry=ONCE)
            except ClientError as error:
                self.failures.append(error)
            self.asked.append(Asked(began, time.monotonic() - began))
            time.sleep(PAUSE)

    def between(self, start: float, end: float) -> list[float]:
        return sorted(asked.took for asked in self.asked if start <= asked.began < end)


def post(sender: HTTPConnection, body: str) -> int:
    """Without our client, which would take more of the machine than the server does."""
    sender.request("POST", "/feedback", body, {"Content-Type": "application/json"})
    with sender.getresponse() as answer:
        answer.read()
        return answer.status


@pytest.mark.slow
def test_no_acknowledged_correction_is_lost_and_no_prediction_fails_when_postgresql_is_killed(tmp_path, cat, capsys):
    with (
        postgres() as database,
        running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_FEEDBACK_DATABASE=database.url) as backend,
        Client(backend.url) as client,
    ):
        ids = [client.predict(cat).id or "none" for _ in range(ANSWERS)]
        client.feedback(ids[-1], right=True)  # all of them are there
        numbers, acknowledged = count(), []

        def send() -> None:
            with closing(HTTPConnection("127.0.0.1", int(backend.url.rsplit(":", 1)[1]), timeout=30)) as sender:
                while (number := next(numbers)) < CORRECTIONS:
                    said = json.dumps({"id": ids[number % ANSWERS], "verdict": "wrong", "note": str(number)})
                    while (status := post(sender, said)) != HTTPStatus.CREATED:
                        assert status == HTTPStatus.SERVICE_UNAVAILABLE
                        time.sleep(0.2)
                    acknowledged.append(number)

        predictions = Predictions(client, cat)
        predictions.start()
        try:
            with ThreadPoolExecutor(SENDERS) as pool:
                began = time.monotonic()
                senders = [pool.submit(send) for _ in range(SENDERS)]
                while len(acknowledged) < CORRECTIONS // 2:
                    time.sleep(0.01)
                    assert not any(sender.done() and sender.exception() for sender in senders)
                killed = time.monotonic()
                database.kill()
                time.sleep(OUTAGE)
                restarted = time.monotonic()
                database.start()
                for sender in senders:
                    sender.result(timeout=60)
                ended = time.monotonic()
        finally:
            predictions.stop.set()
            predictions.join()
        with psycopg.connect(database.url) as connection:
            found = {int(row[0]) for row in connection.execute("SELECT note FROM correction WHERE note <> ''")}
        dropped = metric(backend.url, "sightserve_feedback_dropped_total")

    before, during = predictions.between(began, killed), predictions.between(killed, restarted)
    p95 = [took[int(len(took) * 0.95)] for took in (before, during)]
    with capsys.disabled():
        print(
            f"\n{CORRECTIONS:,} corrections in {ended - began:.1f} s, {OUTAGE:.0f} s of them without a database; "
            f"{len(predictions.asked)} predictions, median and 95th percentile {statistics.median(before) * 1000:.0f} and "
            f"{p95[0] * 1000:.0f} ms before, {statistics.median(during) * 1000:.0f} and {p95[1] * 1000:.0f} ms without it; "
            f"{dropped:.0f} answers dropped"
        )
    assert len(acknowledged) == CORRECTIONS
    assert {*acknowledged} <= found
    assert not predictions.failures
    assert len(during) > 10
    assert statistics.median(during) < 2 * statistics.median(before) + 0.02
    assert p95[1] < 3 * p95[0] + 0.05
