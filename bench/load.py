"""`python -m bench.load report|check|soak`: ramps on both halves, the simulation against real runs, and a long mixed load.

`report` writes figures and pages into docs/load; `check` compares simulated with measured latencies at three loads; `soak`
restarts the backend in the middle and watches the memory of both halves.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import halves, processes
from bench.photos import ROOT
from bench.stats import median

if TYPE_CHECKING:
    from sightserve.loadtest.analysis.capacity.simulate import Simulated

PAGES = ROOT / "docs" / "load"
_LOADS = (0.3, 0.6, 0.85)  # of what the backend can do
_TOLERANCE = 0.25
_OTHERS = 0.1  # of the machine, that other programs may use during a load
_GROWTH = 0.1  # of its memory: what a half may have grown by and still be called flat
_TRIES = 3


def main() -> None:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("report", "check", "soak"))
    parser.add_argument("--minutes", type=float, default=30, help="of the soak")
    parser.add_argument("--users", type=int, default=40, help="of the soak, shared by the halves")
    parser.add_argument("--rounds", type=int, default=3, help="of the check")
    parser.add_argument("--seconds", type=float, default=20, help="of each load of the check, and a quarter of a ramp")
    parser.add_argument("--out", type=Path, default=PAGES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sightserve-load-") as folder:
        sys.exit({"report": report, "check": check, "soak": soak}[options.what](options, Path(folder)))


def report(options: argparse.Namespace, folder: Path) -> int:
    """Ramp both halves until they break, then hold 50 visitors; a page and a JSON file for each."""
    longest, out = f"{4 * options.seconds:g}s", options.out
    with halves.both(folder / "logs") as (backend, frontend):
        api = ["--backend", backend.url, "--shape", "ramp", "--users", "600", "--spawn-rate", "6"]
        api += ["--run-time", longest]
        halves.load(*api, "--report", str(out / "api-ramp.html"), out=out / "api-ramp.json")
        time.sleep(3)
        web = ["--frontend", frontend.url, "--users", "50", "--spawn-rate", "2", "--run-time", longest, "--p95", "2s"]
        web += ["--failures", "0%", "--report", str(out / "visitors-50.html")]
        halves.load(*web, out=out / "visitors-50.json")
    with halves.both(folder / "logs") as (_, frontend):  # fresh: 50 visitors' sessions end two minutes later
        web = ["--frontend", frontend.url, "--shape", "ramp", "--users", "600", "--spawn-rate", "1"]
        web += ["--run-time", f"{8 * options.seconds:g}s", "--report", str(out / "web-app-ramp.html")]
        halves.load(*web, out=out / "web-app-ramp.json")
    return 0


def check(options: argparse.Namespace, folder: Path) -> int:
    """Predict from a ramp what open-loop loads will see, measure them, and compare; 1 when one is off by more than 25 %."""
    from sightserve.loadtest.analysis.capacity.plan import times_of  # noqa: PLC0415
    from sightserve.loadtest.analysis.capacity.simulate import simulate  # noqa: PLC0415

    rounds = []
    with halves.both(folder / "logs") as (backend, _):
        closed = ["--backend", backend.url, "--api-every", "1ms", "--bad-files", "0%", "--batches", "0%"]
        mix = ["--backend", backend.url, "--bad-files", "0%", "--batches", "0%"]
        for _ in range(options.rounds):
            seconds = f"{options.seconds:g}s"
            # more and more users that ask without a pause: from one photo at a time to all slots taken all the time
            faster = f"{24 / options.seconds:g}"
            flags = [*closed, "--shape", "ramp", "--users", "24", "--spawn-rate", faster, "--p95", "30s"]
            ramp = _quiet([*flags, "--refusals", "100%", "--run-time", seconds], backend, folder / "ramp.json")
            times = times_of(ramp)
            late = [row["ok"] / ramp["step"] for row in ramp["timeline"][len(ramp["timeline"]) // 2 : -1]]
            capacity, row = median(late), []
            for share in _LOADS:
                rps = capacity * share
                flags = [*mix, "--shape", "arrivals", "--rps", f"{rps:g}", "--run-time", seconds]
                measured = _quiet(flags, backend, folder / "load.json")
                real, guess = measured["halves"]["API"], simulate(times, rps, slots=times.slots)
                row.append(_compare(share, rps, measured, real, guess))
            rounds.append(
                {"capacity": capacity, "overhead_ms": times.overhead * 1000, "others": ramp["others"], "loads": row}
            )
            print(json.dumps(rounds[-1], indent=1), flush=True)
    table = _table(rounds)
    (options.out / "simulation.json").write_text(json.dumps({"rounds": rounds, "median": table}, indent=1) + "\n")
    for line in table:
        print(line)
    return 0 if all(line["within"] for line in table) else 1


def _quiet(flags: list[str], backend: halves.Half, out: Path) -> dict[str, Any]:
    """Run a load; again, up to three times, while others use more than a tenth of the machine. Kept: the quietest."""
    found: list[dict[str, Any]] = []
    for _ in range(_TRIES):
        processes.wait_quiet(30)
        pid = backend.process.pid if backend.process else 0
        ours, all_, began = processes.cpu(pid).total + _children(), processes.machine(), time.monotonic()
        one = halves.load(*flags, out=out)
        spent = (time.monotonic() - began) * (os.cpu_count() or 1)
        mine = processes.cpu(pid).total + _children() - ours
        found.append({**one, "others": max(0.0, processes.machine() - all_ - mine) / spent})
        if found[-1]["others"] <= _OTHERS:
            break
    return min(found, key=lambda run: run["others"])


def _children() -> float:
    """Return the CPU seconds of load generators that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _compare(
    share: float, rps: float, measured: dict[str, Any], real: dict[str, Any], guess: "Simulated"
) -> dict[str, Any]:
    return {
        "share": share,
        "rps": rps,
        "others": measured["others"],
        "requests": measured["totals"]["count"],
        "refused": measured["totals"]["refused"] / measured["totals"]["count"],
        "refused_simulated": guess.refused,
        "measured_ms": {name: real[name] * 1000 for name in ("p50", "p99")},
        "simulated_ms": {"p50": guess.p50 * 1000, "p99": guess.p99 * 1000},
    }


def _table(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the medians over the rounds, and how far the simulation is off."""
    lines = []
    for number, share in enumerate(_LOADS):
        loads = [one["loads"][number] for one in rounds]
        for name in ("p50", "p99"):
            real = median([load["measured_ms"][name] for load in loads])
            guess = median([load["simulated_ms"][name] for load in loads])
            off = guess / real - 1
            lines.append({"share": share, "figure": name, "measured_ms": real, "simulated_ms": guess, "off": off,
                          "within": abs(off) <= _TOLERANCE})  # fmt: skip
    return lines


def soak(options: argparse.Namespace, folder: Path) -> int:
    """Mixed load on both halves; the backend is restarted in the middle. 1 when anything was wrong or memory grew."""
    seconds, samples = options.minutes * 60, []
    name = options.out / "soak"
    with halves.both(folder / "logs") as (backend, frontend):
        flags = ["--backend", backend.url, "--frontend", frontend.url]
        flags += ["--users", str(options.users), "--spawn-rate", "2"]
        flags += ["--run-time", f"{seconds:g}s", "--batch-visitors", "10%", "--report", f"{name}.html"]
        flags += ["--json", f"{name}.json"]
        run = subprocess.Popen(halves.command(*flags), cwd=ROOT)
        began, restarted = time.monotonic(), False
        while run.poll() is None:
            time.sleep(5)
            at = time.monotonic() - began
            samples.append({"t": at, "backend_mib": backend.memory_mib(), "web_app_mib": frontend.memory_mib()})
            if not restarted and at >= seconds / 2:
                restarted = True
                print("The backend is restarted.", flush=True)
                backend.stop()
                backend.start()
    (options.out / "soak-memory.json").write_text(json.dumps(samples) + "\n")
    found = json.loads(name.with_suffix(".json").read_text())
    wrong = [cause for cause in found["causes"] if cause["cause"] == "wrong_answer"]
    broken = [cause for cause in found["causes"] if cause["half"] == "web app" and cause["outcome"] == "failed"]
    memory = _growth(samples, seconds)
    print(json.dumps({"wrong": wrong, "web app failed": broken, **memory}, indent=1))
    flat = all(
        memory[f"{half}_grew_mib"] <= _GROWTH * memory[f"{half}_mib"] for half in ("backend", "web_app") if memory
    )
    return 1 if wrong or broken or not flat else 0


def _growth(samples: list[dict[str, float]], seconds: float) -> dict[str, float]:
    """Return by how many MiB each half grew from its second quarter (for the backend: after the restart) to its last eighth."""
    late = [row for row in samples if row["t"] > seconds * 0.875]
    early = [row for row in samples if seconds * 0.25 < row["t"] < seconds * 0.45]
    fresh = [row for row in samples if seconds * 0.6 < row["t"] < seconds * 0.725]
    if not (late and early and fresh):
        return {}
    return {
        "backend_grew_mib": median([r["backend_mib"] for r in late]) - median([r["backend_mib"] for r in fresh]),
        "web_app_grew_mib": median([r["web_app_mib"] for r in late]) - median([r["web_app_mib"] for r in early]),
        "backend_mib": median([r["backend_mib"] for r in late]),
        "web_app_mib": median([r["web_app_mib"] for r in late]),
    }


if __name__ == "__main__":
    main()
