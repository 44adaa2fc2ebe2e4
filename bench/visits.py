"""One visit: start a server, or several side by side, measure one case, stop them. Who fails is noted and left out."""

import argparse
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from bench import closed, coldstart, footprint, overload, photos, processes, venvs
from bench.photos import ROOT, Photo
from bench.results import Measurement
from bench.servers import KINDS, Running, ServerError, check, running
from bench.stats import median

_COLD_STARTS = 3  # in each round
_SETTLE = 10.0  # s at most between two closed loops
_PEER_OVERLOAD = 10  # s at most
_PEER_REQUESTS = 1000  # at most, before memory is read
_FAILURES = (ServerError, venvs.Absent, OSError, subprocess.CalledProcessError)
Found = Iterator[tuple[str, str, dict[str, float] | str]]  # server, setting, figures or why there are none


def split(case: str, servers: Sequence[str]) -> list[list[str]]:
    """Return which servers each visit of a case is to."""
    if case == "ceiling":
        return [["ours"]]
    if case == "closed":
        return [list(servers)]
    # variants differ in a closed loop only; the tutorial does one request at a time anyhow
    left_out = {"ours-form", "mosec-batch"} | ({"tutorial"} if case == "open" else set())
    return [[name] for name in servers if name not in left_out]


def visit(
    case: str, size: str, names: Sequence[str], number: int, options: argparse.Namespace
) -> Iterator[Measurement]:
    """Yield what one visit found in round `number`; `options` are the command line's."""
    measures: dict[str, Callable[[], Found]] = {
        "ceiling": lambda: _ceiling(size, options),
        "closed": lambda: _closed(names, size, number, options),
        "open": lambda: _open(names[0], options),
        "cold": lambda: _cold(names[0], _python(names[0], options)),
        "memory": lambda: _memory(names[0], options),
    }
    try:
        for server, setting, found in measures[case]():
            if isinstance(found, str):
                print(f"  {server}: skipped: {found}", flush=True)
                yield Measurement(case, size, server, setting, number, {}, found)
                continue
            shown = ", ".join(f"{key} {value:.2f}" for key, value in found.items())
            print(f"  {server} {setting}: {shown}", flush=True)
            yield Measurement(case, size, server, setting, number, found)
    except _FAILURES as exc:
        print(f"  skipped: {exc}", flush=True)
        yield Measurement(case, size, names[0], "", number, {}, _reason(exc))


def _ceiling(size: str, options: argparse.Namespace) -> Found:
    words = [str(options.python), "-m", "bench.ceiling", "--photos", size, "--seconds", str(options.seconds)]
    words += ["--float-model", str(venvs.float_model())]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    for cell, (rate, cpu) in json.loads(done.stdout).items():
        server, cores = cell.split("_")
        yield server, cores, {"images_s": rate, "cpu_ms": cpu}


def _closed(names: Sequence[str], size: str, number: int, options: argparse.Namespace) -> Found:
    """All servers are up at once, idle but for the one that is loaded, and take turns at each number of connections.

    So those that are compared are measured within seconds of each other: a virtual machine's speed drifts by a quarter
    within a minute. Who comes first changes from round to round.
    """
    with ExitStack() as stack:
        up: dict[str, Running] = {}
        right: dict[str, float] = {}
        for name in names:
            try:
                server = stack.enter_context(running(KINDS[name], _python(name, options)))
                right[name] = check(server, photos.labelled() if size == "imagenet" else _photos(size))
            except _FAILURES as exc:
                yield name, "", _reason(exc)
            else:
                up[name] = server
        first = number % len(up) if up else 0
        for connections in options.connections:
            for name in [*list(up)[first:], *list(up)[:first]]:
                # wrk hangs up at its end; a server that works on for callers who left would slow the next one down
                processes.wait_idle([server.pid for server in up.values()], _SETTLE)
                found = closed.measure(up[name], _photos(size), connections, options.seconds)
                yield name, str(connections), found | {"right": right[name]}


def _open(name: str, options: argparse.Namespace) -> Found:
    longest = options.overload_seconds if name == "ours" else min(_PEER_OVERLOAD, options.overload_seconds)
    short = min(_PEER_OVERLOAD, longest)
    loads = {0.5: short, 1: short, 2: short, 5: longest}
    for multiple, seconds in loads.items():  # each on a fresh server: what one overload leaves behind is its own affair
        with running(KINDS[name], _python(name, options)) as server:
            check(server, _photos("imagenet"))
            for setting, figures in overload.measure(server, _photos("imagenet"), {multiple: seconds}):
                yield name, setting, figures


def _cold(name: str, python: Path) -> Found:
    found = [coldstart.first_answer(KINDS[name], python, _photos("imagenet")) for _ in range(_COLD_STARTS)]
    yield name, "start", _middle(found)
    if name == "ours":
        yield "bare", "start", _middle([coldstart.bare(python) for _ in range(_COLD_STARTS)])
        yield name, "inside", _middle([coldstart.inside(python) for _ in range(_COLD_STARTS)])


def _memory(name: str, options: argparse.Namespace) -> Found:
    counts = options.requests if name == "ours" else [n for n in options.requests if n <= _PEER_REQUESTS]
    with running(KINDS[name], _python(name, options)) as server:
        for setting, figures in footprint.measure(server, _photos("imagenet"), counts):
            yield name, setting, figures


def _python(name: str, options: argparse.Namespace) -> Path:
    python: Path = options.python if name.startswith("ours") else venvs.python(name.removesuffix("-batch"))
    return python


def _reason(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]


def _middle(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {figure: median([one[figure] for one in found]) for figure in found[0]}


@cache
def _photos(size: str) -> list[Photo]:
    return photos.imagenet() if size == "imagenet" else photos.large()
