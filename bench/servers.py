"""The servers under test: how each is started, asked and stopped. All of them are black boxes behind a port."""

import dataclasses
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench import processes
from bench.photos import Photo, body, content_type

PEERS = Path(__file__).with_name("peers")
BUNDLE = Path(__file__).parents[1] / "src" / "sightserve" / "bundle" / "default"
_START_SECONDS = 90
_RIGHT = 0.8  # of the sample; the model itself is right on 0.9 of these photos


class ServerError(Exception):
    """A server did not start, or answers wrongly: nothing it does is worth measuring."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One server program.

    Attributes:
        name: short, for the command line; the peers' folder in bench/peers.
        title: for tables.
        words: the command line after the Python executable; {port} is replaced.
        path: where photos are posted.
        field: the form field for the photo; None: the body is the photo.
        health: answers 200 once the server is ready.
        labels: whether its answers can be right (random weights cannot).
    """

    name: str
    title: str
    words: tuple[str, ...]
    path: str
    field: str | None
    health: str
    labels: bool = True
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


OURS = Kind("ours", "Sightserve", ("-m", "sightserve", "serve", "--port", "{port}"), "/predict", None, "/health/ready")
PEER_KINDS = (
    Kind("fastapi", "FastAPI, thread pool", ("{peers}/fastapi/server.py",), "/predict", "file", "/health"),
    Kind("litserve", "LitServe, 2 workers", ("{peers}/litserve/server.py",), "/predict", "file", "/health"),
    Kind(
        "mosec",
        "Mosec, 2 workers",
        ("{peers}/mosec/server.py", "--address", "127.0.0.1", "--port", "{port}", "--log-level", "warning"),
        "/inference",
        None,
        "/",
    ),
    Kind(
        "mosec-batch",
        "Mosec, 2 workers, batches of 8",
        ("{peers}/mosec/batching.py", "--address", "127.0.0.1", "--port", "{port}", "--log-level", "warning"),
        "/inference",
        None,
        "/",
    ),
    Kind(
        "bentoml",
        "BentoML, 2 workers",
        ("-m", "bentoml", "serve", "service:Classify", "--working-dir", "{peers}/bentoml", "--port", "{port}"),
        "/predict",
        "file",
        "/readyz",
        environment={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOST": "127.0.0.1"},
    ),
    Kind(
        "tutorial",
        "The usual tutorial (async, eager ResNet-50)",
        ("{peers}/tutorial/server.py",),
        "/predict",
        "file",
        "/health",
        labels=False,
    ),
)
KINDS = {
    kind.name: kind
    for kind in (OURS, replace(OURS, name="ours-form", title="Sightserve, multipart", field="file"), *PEER_KINDS)
}
# The four that do the same work with the same weights, each as its documentation shows it.
RIVALS = ("fastapi", "litserve", "mosec", "bentoml")
TUNED = "mosec-batch"  # the strongest of them at 32 connections, tuned for that


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    kind: Kind
    pid: int
    port: int

    @property
    def url(self) -> str:
        """Without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(kind: Kind, python: Path) -> Iterator[Running]:
    """Start the server, wait until it is ready, stop it and all that it started when the block ends.

    Raises:
        ServerError: it ended, or was not ready in time; with the end of its log.
    """
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = start(kind, python, port, log.fileno())
        try:
            if not wait_ready(kind, port, process):
                log.seek(0)
                tail = log.read().decode(errors="replace")[-2000:]
                raise ServerError(f"{kind.title} is not ready after {_START_SECONDS} s or ended:\n{tail}")
            yield Running(kind, process.pid, port)
        finally:
            stop(process)


def start(kind: Kind, python: Path, port: int, log: int) -> "subprocess.Popen[bytes]":
    """Start the server in a process group of its own; its output goes to the file descriptor `log`.

    Not in a session of its own: Linux may schedule by session (autogroup), and would give it as much as all others together.
    """
    words = [str(python), *(word.format(port=port, peers=PEERS) for word in kind.words)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SIGHTSERVE_") and k != "PORT"}
    if kind in PEER_KINDS:
        kept |= {"BENCH_PORT": str(port), "BENCH_BUNDLE": str(BUNDLE), "PYTHONPATH": str(PEERS)}
    environment = kept | kind.environment
    return subprocess.Popen(words, env=environment, stdout=log, stderr=log, process_group=0)


def wait_ready(kind: Kind, port: int, process: "subprocess.Popen[bytes]", pause: float = 0.05) -> bool:
    """Return whether the health address answered 200 in time; asked every `pause` seconds."""
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", kind.health)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(pause)
    return False


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server; whatever it started and left behind is killed."""
    family = {pid: processes.started(pid) for pid in processes.tree(process.pid)}
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=15)
    for pid, since in family.items():
        if since and processes.started(pid) == since:  # still the same process, not another with its number
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()


def ask(server: Running, photo: Photo) -> tuple[int, str]:
    """Post one photo; return the status and the answer's text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        payload = body(photo, server.kind.field)
        connection.request("POST", server.kind.path, payload, {"Content-Type": content_type(server.kind.field)})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def check(server: Running, photos: Sequence[Photo]) -> float:
    """Post every photo once, which warms the server up too; return the fraction that was labelled right.

    Raises:
        ServerError: an answer other than 200, or too few right labels: speed without answers does not count.
    """
    names = (BUNDLE / "labels.txt").read_text(encoding="utf-8").splitlines()
    right = 0
    for photo in photos:
        status, text = ask(server, photo)
        if status != http.HTTPStatus.OK:
            raise ServerError(f"{server.kind.title} answered {status}: {text[:500]}")
        right += json.loads(text)["prediction"] == names[photo.class_index]
    if server.kind.labels and right < _RIGHT * len(photos):
        raise ServerError(f"{server.kind.title} labelled {right} of {len(photos)} photos right")
    return right / len(photos)
