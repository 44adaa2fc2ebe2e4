"""The benchmarks' command line: which servers, which cases, how often. `make bench` and `make bench-quick` call it."""

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import processes, report, results, visits
from bench.photos import ROOT
from bench.results import Measurement
from bench.servers import KINDS, RIVALS, TUNED
from bench.targets import targets

CASES = ("ceiling", "closed", "open", "cold", "memory")
_ONCE = frozenset({"open", "memory"})  # in the first round only: they take minutes for each server


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
                for names in visits.split(case, options.servers):
                    print(f"round {number}: {case}, {size}, {', '.join(names)} ...", flush=True)
                    with machine(options):
                        saved += list(visits.visit(case, size, names, number, options))
                    results.save(options.into, saved)
    _write(options, saved)


@contextmanager
def machine(options: argparse.Namespace) -> Iterator[None]:
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
    everyone = ",".join(["ours", "ours-form", *RIVALS, TUNED, "tutorial"])
    add("--servers", type=_words, default=_words(everyone), help=f"of {', '.join(KINDS)} [default: {everyone}]")
    add("--cases", type=_words, default=list(CASES), help=f"of {', '.join(CASES)} [default: all]")
    add("--photos", type=_words, default=["imagenet", "large"], help="imagenet, large [default: both]")
    add("--rounds", type=int, default=5, help="of ceiling, closed and cold; open and memory are measured once")
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
