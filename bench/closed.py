"""Closed loop: N connections, each sends its next photo when the last is answered. Driven by wrk, which costs little CPU."""

import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import processes
from bench.photos import Photo, body, content_type
from bench.servers import Running

_SCRIPT = Path(__file__).with_name("closed.lua")


def wrk() -> str:
    """Return where wrk is.

    Raises:
        FileNotFoundError: it is not installed.
    """
    found = shutil.which("wrk")
    if not found:
        raise FileNotFoundError("wrk is missing: apt-get install wrk")
    return found


def measure(server: Running, photos: Sequence[Photo], connections: int, seconds: float) -> dict[str, float]:
    """Load the server from so many connections and return what came of it.

    Returns:
        images_s: answers per second.
        p50_ms, p90_ms, p99_ms, max_ms: latency, milliseconds.
        failed: answers that are no 2xx, and broken connections.
        server_ms: CPU milliseconds per answer of the server and all its processes; of these, server_system_ms in the
        kernel and main_thread_ms on the main thread of its first process, which is Sightserve's event loop.
        generator_ms: CPU milliseconds per answer of wrk.
        others: the share of the machine's CPU time that went to none of us: above a few percent, distrust the round.
    """
    with tempfile.TemporaryDirectory(prefix="sightserve-bench-") as folder:
        paths = []
        for number, photo in enumerate(photos):
            path = Path(folder) / f"{number:03}.body"
            path.write_bytes(body(photo, server.kind.field))
            paths.append(str(path))
        words = [wrk(), "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "30s", "-s", str(_SCRIPT)]
        words += [server.url + server.kind.path, content_type(server.kind.field), *paths]
        cpu_before, loop_before = processes.cpu(server.pid), processes.main_thread(server.pid)
        wrk_before, machine_before, started = _children(), processes.machine(), time.perf_counter()
        output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        available = (time.perf_counter() - started) * (os.cpu_count() or 1)
        cpu, generator = processes.cpu(server.pid) - cpu_before, _children() - wrk_before
        loop = processes.main_thread(server.pid) - loop_before
        others = processes.machine() - machine_before - cpu.total - generator
    told = json.loads(output.strip().splitlines()[-1])
    answers = max(1, told["requests"])
    return {
        "images_s": (told["requests"] - told["non_2xx"]) / told["seconds"],
        "p50_ms": told["p50"],
        "p90_ms": told["p90"],
        "p99_ms": told["p99"],
        "max_ms": told["max"],
        "failed": told["non_2xx"] + told["broken"],
        "server_ms": cpu.total * 1000 / answers,
        "server_system_ms": cpu.system * 1000 / answers,
        "main_thread_ms": loop * 1000 / answers,
        "generator_ms": generator * 1000 / answers,
        "others": max(0.0, others / available),
    }


def _children() -> float:
    """Return the CPU seconds of the children that have ended: of them, only wrk ends between two calls."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
