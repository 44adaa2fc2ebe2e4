"""The benchmarks' command line: which servers, which cases, how often. `make bench` and `make bench-quick` call it."""

import argparse
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bench import closed, coldstart, footprint, overload, photos, processes, report, results, venvs
from bench.photos import ROOT, Photo
from bench.results import Measurement
from bench.servers import KINDS, RIVALS, ServerError, check, running
from bench.stats import median
from bench.targets import targets

CASES = ("ceiling", "closed", "open", "cold", "memory")
_ONCE = frozenset({"open", "memory"})  # in the first round only: they take minutes for each server
_COLD_STARTS = 3  # in each round
Figures = Iterator[tuple[str, str, dict[str, float]]]  # server, setting, figures


def main() -> None:
    """Measure what was asked for, save after every visit, then write the page."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that what was started is stopped too
    saved = results.load(options.into)[1] if options.into.exists() and options.add else []
    first = 1 + max((m.round for m in saved), default=-1) if options.add else 0
    for number in range(first, first + options.rounds):
        for case in [c for c in options.cases if number == first or c not in _ONCE]:
            sizes = options.photos if case in {"ceiling", "closed"} else ["imagenet"]
            for size in sizes:
                for name in _visited(case, options.servers):
                    print(f"round {number}: {case}, {size}, {name} ...", flush=True)
                    with _machine(options):
                        saved += list(_visit(case, size, name, number, options))
                    results.save(options.into, saved)
    _write(options, saved)


def _visited(case: str, servers: Sequence[str]) -> list[str]:
    if case == "ceiling":
        return ["ours"]
    # the multipart variant of ours differs in a closed loop only; the tutorial does one request at a time anyhow
    left_out = {"closed": set(), "open": {"ours-form", "tutorial"}}.get(case, {"ours-form"})
    return [name for name in servers if name not in left_out]


def _visit(case: str, size: str, name: str, number: int, options: argparse.Namespace) -> Iterator[Measurement]:
    """Yield what one visit to one server found; a server that cannot be measured is noted with the reason."""
    measures: dict[str, Callable[[], Figures]] = {
        "ceiling": lambda: _ceiling(size, options),
        "closed": lambda: _closed(name, size, options, _python(name, options)),
        "open": lambda: _open(name, options, _python(name, options)),
        "cold": lambda: _cold(name, _python(name, options)),
        "memory": lambda: _memory(name, options, _python(name, options)),
    }
    try:
        for server, setting, figures in measures[case]():
            shown = ", ".join(f"{key} {value:.2f}" for key, value in figures.items())
            print(f"  {server} {setting}: {shown}", flush=True)
            yield Measurement(case, size, server, setting, number, figures)
    except (ServerError, venvs.Absent, OSError, subprocess.CalledProcessError) as exc:
        reason = (str(exc).strip() or type(exc).__name__).splitlines()[0]
        print(f"  skipped: {exc}", flush=True)
        yield Measurement(case, size, name, "", number, {}, reason)


def _python(name: str, options: argparse.Namespace) -> Path:
    python: Path = options.python if name.startswith("ours") else venvs.python(name)
    return python


def _ceiling(size: str, options: argparse.Namespace) -> Figures:
    words = [str(options.python), "-m", "bench.ceiling", "--photos", size, "--seconds", str(options.seconds)]
    words += ["--float-model", str(venvs.float_model())]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    for cell, (rate, cpu) in json.loads(done.stdout).items():
        server, threads = cell.split("_")
        yield server, threads, {"images_s": rate, "cpu_ms": cpu}


def _closed(name: str, size: str, options: argparse.Namespace, python: Path) -> Figures:
    with running(KINDS[name], python) as server:
        check(server, _photos(size))
        for connections in options.connections:
            yield name, str(connections), closed.measure(server, _photos(size), connections, options.seconds)


def _open(name: str, options: argparse.Namespace, python: Path) -> Figures:
    longest = options.overload_seconds if name == "ours" else min(10, options.overload_seconds)
    loads = {0.5: min(10, longest), 1: min(10, longest), 2: min(10, longest), 5: longest}
    for multiple, seconds in loads.items():  # each on a fresh server: what one overload leaves behind is its own affair
        with running(KINDS[name], python) as server:
            check(server, _photos("imagenet"))
            for setting, figures in overload.measure(server, _photos("imagenet"), {multiple: seconds}):
                yield name, setting, figures


def _cold(name: str, python: Path) -> Figures:
    found = [coldstart.first_answer(KINDS[name], python, _photos("imagenet")) for _ in range(_COLD_STARTS)]
    yield name, "start", _middle(found)
    if name == "ours":
        yield "bare", "start", _middle([coldstart.bare(python) for _ in range(_COLD_STARTS)])
        yield name, "inside", _middle([coldstart.inside(python) for _ in range(_COLD_STARTS)])


def _memory(name: str, options: argparse.Namespace, python: Path) -> Figures:
    counts = options.requests if name == "ours" else [n for n in options.requests if n <= 1000]  # noqa: PLR2004
    with running(KINDS[name], python) as server:
        for setting, figures in footprint.measure(server, _photos("imagenet"), counts):
            yield name, setting, figures


def _middle(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {figure: median([one[figure] for one in found]) for figure in found[0]}


@cache
def _photos(size: str) -> list[Photo]:
    return photos.imagenet() if size == "imagenet" else photos.large()


@contextmanager
def _machine(options: argparse.Namespace) -> Iterator[None]:
    """Hold the machine's lock where there is one, and wait a little for quiet."""
    if options.lock is None:
        processes.wait_quiet(options.quiet)
        yield
        return
    with options.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        processes.wait_quiet(options.quiet)
        yield


def _write(options: argparse.Namespace, measurements: Sequence[Measurement]) -> None:
    machine, _ = results.load(options.into)
    text = report.page(machine, measurements, options.note)
    if options.page:
        options.page.parent.mkdir(parents=True, exist_ok=True)
        options.page.write_text(text, encoding="utf-8")
    for target in targets(measurements):
        print(f"{target.verdict:13} {report.number(target.value, 2):>9}  {target.text} (bound {target.bound:g})")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _words(text)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    add = parser.add_argument
    everyone = ",".join(["ours", "ours-form", *RIVALS, "tutorial"])
    add("--servers", type=_words, default=_words(everyone), help=f"of {', '.join(KINDS)} [default: {everyone}]")
    add("--cases", type=_words, default=list(CASES), help=f"of {', '.join(CASES)} [default: all]")
    add("--photos", type=_words, default=["imagenet", "large"], help="imagenet, large [default: both]")
    add("--rounds", type=int, default=3, help="of ceiling, closed and cold; open and memory are measured once")
    add("--seconds", type=float, default=6, help="of each closed loop, and of each path in process")
    add("--connections", type=_numbers, default=[1, 8, 32])
    add("--overload-seconds", type=int, default=60, help="of the load of 5 x capacity on ours; peers get 10 at most")
    add("--requests", type=_numbers, default=[1, 1000, 10000], help="after which memory is read; peers: up to 1,000")
    add("--python", type=Path, default=Path(sys.executable), help="that runs our server [default: this one]")
    add("--into", type=Path, default=ROOT / "bench" / "results" / "latest.json")
    add("--add", action="store_true", help="further rounds to the results that are there")
    add("--page", type=Path, help="where to write the page [default: only the verdicts are printed]")
    add("--note", default="", help="a sentence for the page: what was special about this run")
    add("--lock", type=Path, default=os.environ.get("SIGHTSERVE_BENCH_LOCK"), help="file to hold during each visit")
    add("--quiet", type=float, default=10, help="seconds to wait for a quiet machine before each visit")
    options = parser.parse_args()
    options.lock = Path(options.lock) if options.lock else None
    for given, known in ((options.servers, KINDS), (options.cases, CASES), (options.photos, ("imagenet", "large"))):
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
