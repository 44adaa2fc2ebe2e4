"""Open-loop loads below, at and above what the server can do: who is answered in time, who is refused, and how fast."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench import closed, processes
from bench.photos import ROOT, Photo, request
from bench.schedule import Outcome, Phase, arrivals, growth, recovery, summary
from bench.servers import Running

DEADLINE = 2.0  # s: what a person waits for an answer before trying again
_PATIENCE = 10.0  # s: then the generator hangs up, as browsers' users do
_CAPACITY_SECONDS = 5
_LIGHT = Phase(rate=10, seconds=4)  # before and after each load, to see what is normal and when it is again


def measure(
    server: Running, photos: Sequence[Photo], loads: Mapping[float, float]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield ("capacity", ...) and one entry for each load, named by its multiple of the capacity.

    Args:
        server: that runs and is warm.
        photos: cycled over.
        loads: seconds of load for each multiple of the capacity: what 32 connections get in a closed loop just before. What
            a load attained is compared with the mean of that and of the same after it.
    """
    for multiple, seconds in loads.items():
        before = closed.measure(server, photos, 32, _CAPACITY_SECONDS)
        figures = _load(server, photos, before["images_s"], multiple, seconds)
        after = closed.measure(server, photos, 32, _CAPACITY_SECONDS)
        # a virtual machine's speed drifts by a quarter within minutes: one side of a load of a minute says too little
        capacity = (before["images_s"] + after["images_s"]) / 2
        yield "capacity", before | {"images_s": capacity}
        yield f"{multiple:g}x", figures | {"of_capacity": figures["goodput_s"] / capacity}


def _load(
    server: Running, photos: Sequence[Photo], capacity: float, multiple: float, seconds: float
) -> dict[str, float]:
    load = Phase(capacity * multiple, seconds, poisson=True)
    start, end = _LIGHT.seconds, _LIGHT.seconds + seconds
    cpu_before, machine_before, began = processes.cpu(server.pid), processes.machine(), time.perf_counter()
    with _MemoryWatch(server.pid) as watch:
        outcomes, generator_cpu = generate(server, photos, arrivals([_LIGHT, load, _LIGHT]))
    cpu, available = processes.cpu(server.pid) - cpu_before, (time.perf_counter() - began) * (os.cpu_count() or 1)
    before = [o for o in outcomes if o.intended < start]
    during = [o for o in outcomes if start <= o.intended < end]
    after = [o for o in outcomes if o.intended >= end]
    figures = summary(during, DEADLINE, seconds)
    figures["recovery_s"] = recovery(before, after, end)
    figures["usual_ms"] = summary(before, DEADLINE, start).get("p50_ms", float("nan"))
    figures["server_ms"] = cpu.total * 1000 / len(outcomes)
    figures["generator_ms"] = generator_cpu * 1000 / len(outcomes)
    figures["generator_share"] = generator_cpu / (seconds * (os.cpu_count() or 1))
    figures["others"] = max(0.0, (processes.machine() - machine_before - cpu.total - generator_cpu) / available)
    loaded = [(at, mib) for at, mib in watch.samples if start <= at - watch.started < end]
    if len(loaded) >= 8:  # noqa: PLR2004 - two in each quarter
        figures["memory_mib"] = max(mib for _, mib in loaded)
        figures["memory_growth"] = growth(loaded)
    return figures


def generate(server: Running, photos: Sequence[Photo], times: Sequence[float]) -> tuple[list[Outcome], float]:
    """Run the generator in a process of its own; return the outcomes and its CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="sightserve-bench-") as folder:
        paths = []
        for number, photo in enumerate(photos):
            path = Path(folder) / f"{number:03}.request"
            path.write_bytes(request(photo, server.kind.field, server.kind.path))
            paths.append(str(path))
        plan = {"port": server.port, "requests": paths, "times": list(times), "patience": _PATIENCE}
        words = [sys.executable, "-m", "bench.openloop"]
        done = subprocess.run(
            words, input=json.dumps(plan) + "\n", check=True, capture_output=True, text=True, cwd=ROOT
        )
    told = json.loads(done.stdout)
    return [Outcome(*fields) for fields in told["outcomes"]], told["cpu"]


class _MemoryWatch:
    """Notes the server's memory once a second."""

    def __init__(self, pid: int) -> None:
        self.samples: list[tuple[float, float]] = []
        self.started = time.monotonic()
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(1):
            self.samples.append((time.monotonic(), processes.memory(self._pid)))

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
