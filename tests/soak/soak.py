"""Sends one server good photos and the hostile corpus, mixed, and watches its answers and its memory. Run by `make soak`."""

import http.client
import itertools
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes
from tests.conftest import SAMPLES
from tests.hostile import corpus, wire
from tests.processes import running_backend

HONEST_REFUSALS = {503, 504}
WORKERS = 8
# A good photo, an image from the corpus, raw bytes on a socket: of a hundred requests. Raw bytes each take a connection.
MIX = ("good",) * 50 + ("image",) * 45 + ("wire",) * 5
# These end by a timeout of the server, a second each: the tests have them, a soak has better to do.
SILENT = {"nothing", "HTTP/0.9", "only empty lines"}


@dataclass
class Report:
    """What happened; the memory of the server and its slots as (requests so far, MiB)."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def growth(self) -> float:
        """Memory at the end over memory after the warm-up, minus one."""
        return self.memory[-1][1] / self.memory[0][1] - 1


class Soak:
    """One server under attack."""

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid
        self._photos = [path.read_bytes() for path in sorted(SAMPLES.glob("*.jpg"))]
        self._images = list(corpus.small().items())
        raw = wire.attacks(self._photos[0])
        self._wire = [(name, data) for name, data in raw.items() if name not in SILENT]
        self._local = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self._expected = [self._ask(photo)[1] for photo in self._photos]
        self.report = Report()

    def run(self, requests: int, warm_up: int, looks: int) -> Report:
        """Send the warm-up, then so many requests, with so many looks at the memory; returns when all are answered."""
        self._send_all(warm_up, seed=1)
        self.report = Report()
        self._remember(0)
        started = time.perf_counter()
        step = max(1, requests // looks)
        for done in range(0, requests, step):
            self._send_all(min(step, requests - done), seed=2 + done)
            self.report.seconds = time.perf_counter() - started
            self._remember(min(done + step, requests))
            rate = self.report.memory[-1][0] / self.report.seconds
            told = f"{self.report.memory[-1][0]:>8,} requests  {rate:6.0f}/s  {self.report.memory[-1][1]:6.0f} MB"
            print(f"{told}  {len(self.report.wrong)} wrong", flush=True)
        return self.report

    def _remember(self, done: int) -> None:
        time.sleep(0.5)  # what is in flight when the last answer arrives is no leak
        self.report.memory.append((done, processes.memory(self._pid)))

    def _send_all(self, count: int, seed: int) -> None:
        chance = random.Random(seed)
        plan = [(chance.choice(MIX), chance.randrange(10**6)) for _ in range(count)]
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in pool.map(lambda one: self._one(*one), plan):
                pass
        while self._opened:  # their threads have ended with the pool, but for this one, which opens its own anew
            self._opened.pop().close()

    def _one(self, kind: str, number: int) -> None:
        try:
            if kind == "good":
                self._good(number % len(self._photos))
            elif kind == "image":
                self._hostile_image(*self._images[number % len(self._images)])
            else:
                self._raw(*self._wire[number % len(self._wire)])
        except Exception as exc:  # noqa: BLE001 - whatever it is, it belongs into the report
            self.report.wrong.append(f"{kind} {number}: {exc!r}")

    def _good(self, number: int) -> None:
        """A good photo is answered right, if need be after honest refusals."""
        for pause in itertools.chain([0.0], itertools.repeat(0.2, 50)):
            time.sleep(pause)
            status, label = self._ask(self._photos[number])
            self.report.statuses[f"good {status}"] += 1
            if status not in HONEST_REFUSALS:
                break
        if (status, label) != (200, self._expected[number]):
            self.report.wrong.append(f"photo {number}: {status} {label}")

    def _hostile_image(self, name: str, data: bytes) -> None:
        status, _ = self._ask(data)
        self.report.statuses[f"hostile {status}"] += 1
        if status >= 500 and status not in HONEST_REFUSALS:
            self.report.wrong.append(f"{name}: {status}")

    def _raw(self, name: str, data: bytes) -> None:
        for answer in wire.answers(wire.exchange(self._port, data, quiet=0.02)):
            self.report.statuses[f"raw {answer.status}"] += 1
            if answer.status not in HONEST_REFUSALS:
                wire.check(answer)
            if answer.status >= 500 and answer.status not in HONEST_REFUSALS:
                self.report.wrong.append(f"{name}: {answer.status}")

    def _ask(self, image: bytes) -> tuple[int, str]:
        for last in (False, True):
            connection = self._connection()
            try:
                connection.request("POST", "/predict?top_k=1", image, {"Content-Type": "application/octet-stream"})
                response = connection.getresponse()
                body = json.loads(response.read())
            except (http.client.HTTPException, OSError):
                connection.close()
                if last:
                    raise
                continue  # an idle connection may be closed at any time: once more, on a new one
            return response.status, body.get("prediction") or body["code"]
        raise AssertionError("unreachable")

    def _connection(self) -> http.client.HTTPConnection:
        """Return this thread's connection."""
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._opened.append(self._local.connection)
        connection: http.client.HTTPConnection = self._local.connection
        return connection


def soak(requests: int, warm_up: int, log: Path, looks: int = 20) -> Report:
    """Start a server, run, and return what happened; a traceback in the server's log is wrong too."""
    with running_backend(log, SIGHTSERVE_HEADER_TIMEOUT="2", SIGHTSERVE_IDLE_TIMEOUT="2") as backend:
        report = Soak(int(backend.url.rsplit(":", 1)[1]), backend.process.pid).run(requests, warm_up, looks)
    if "Traceback" in log.read_text():
        report.wrong.append("the log has a traceback")
    return report


def main() -> int:
    """Run with the number of requests as the argument; return the exit status."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        report = soak(requests, min(2_000, requests), Path(folder) / "log")
    (_, first), (_, middle), (_, last) = (report.memory[i] for i in (0, len(report.memory) // 2, -1))
    print(f"{requests:,} requests in {report.seconds:.0f} s: {dict(sorted(report.statuses.items()))}")
    print(
        f"memory: {first:.0f} MiB after the warm-up, {middle:.0f} MiB halfway, {last:.0f} MiB at the end ({report.growth:+.1%})"
    )
    for line in report.wrong[:20]:
        print("WRONG", line)
    return 1 if report.wrong or report.growth > 0.10 else 0


if __name__ == "__main__":
    sys.exit(main())
