"""Starts the real command in a process of its own and waits until it answers."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60


@dataclass(frozen=True)
class RunningBackend:
    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(**extra: str) -> dict[str, str]:
    """This environment without what would steer Sightserve, and with what a test adds."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SIGHTSERVE_") and k not in {"BACKEND", "PORT"}}
    return kept | extra


@contextmanager
def running(
    *words: str, health: str, log: Path, python: Sequence[str] = (), before: Sequence[str] = (), **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `sightserve` with these words until the block ends.

    `health` is the address that says that it is up, `python` are flags for the interpreter, `before` is a command that runs it.
    At its end a backend closes its port at once, where a test asks for no grace of its own: no load balancer looks at it.
    """
    environment = {"SIGHTSERVE_DRAIN_GRACE": "0"} | environment
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*before, sys.executable, *python, "-m", "sightserve", *words],
            env=clean_environment(**environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(health, process, log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_backend(log: Path, *flags: str, before: Sequence[str] = (), **environment: str) -> Iterator[RunningBackend]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ("serve", "--port", str(port), *flags)
    with running(*words, health=f"{url}/health/ready", log=log, before=before, **environment) as process:
        yield RunningBackend(url, process, log)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"{url} did not answer in {seconds} s:\n{log.read_text()}")
