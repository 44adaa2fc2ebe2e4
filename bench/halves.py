"""Both halves, each a process of its own on a free port, and `sightserve loadtest` beside them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import processes
from bench.photos import ROOT
from bench.servers import ServerError, free_port

_START_SECONDS = 60
_STOP_SECONDS = 15


@dataclass(slots=True)
class Half:
    """One half: how it is started, where it answers, and the process that is it now."""

    words: list[str]
    url: str
    health: str
    log: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ServerError: it ended, or did not answer in time.
        """
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "sightserve", *self.words]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, process_group=0)
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(self.url + self.health, timeout=2):
                return
            time.sleep(0.1)
        raise ServerError(f"{self.words[0]} does not answer; its log is {self.log}")

    def stop(self) -> None:
        """End it, as an operator would."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory_mib(self) -> float:
        """Return what it and all that it started hold, MiB."""
        return processes.memory(self.process.pid) if self.process and self.process.poll() is None else float("nan")


@contextmanager
def both(logs: Path) -> Iterator[tuple[Half, Half]]:
    """Run the backend and the web app until the block ends; their logs go into this folder."""
    logs.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SIGHTSERVE_") and k not in {"PORT", "BACKEND"}}
    api, ui = free_port(), free_port()
    quiet = kept | {"SIGHTSERVE_LOG_LEVEL": "warning"}
    backend = Half(
        ["serve", "--port", str(api)], f"http://127.0.0.1:{api}", "/health/ready", logs / "backend.log", quiet
    )
    frontend = Half(
        ["ui", "--port", str(ui)],
        f"http://127.0.0.1:{ui}",
        "/_stcore/health",
        logs / "web-app.log",
        kept | {"BACKEND": backend.url},
    )
    try:
        backend.start()
        frontend.start()
        time.sleep(4)  # the web app imports its pages in the background
        yield backend, frontend
    finally:
        frontend.stop()
        backend.stop()


def command(*flags: str) -> list[str]:
    """Return the command line of a load test."""
    return [sys.executable, "-m", "sightserve", "loadtest", *flags]


def load(*flags: str, out: Path) -> dict[str, Any]:
    """Run a load test to its end, its live table shown; return its results, which are kept in `out`."""
    done = subprocess.run([*command(*flags), "--json", str(out)], check=False, cwd=ROOT)
    if done.returncode not in {0, 1}:  # 1: a goal was missed, which is a result
        raise ServerError(f"the load test ended with {done.returncode}")
    found: dict[str, Any] = json.loads(out.read_text())
    return found
