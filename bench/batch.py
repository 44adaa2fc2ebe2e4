"""Very many photos: `sightserve batch` with slots, and with Ray, beside Ray Data, a pool of processes, and the ceiling.

    python -m bench.batch                       # a quarter of an hour; writes bench/results/batch.json
    python -m bench.batch --photos 600 --rounds 1 --only slots,ray

All take turns in each round. The steady rate is of the photos by which a long run exceeds a short one, so that starts
cancel out; the ceiling is `bench.ceiling`'s, on all cores, with the same photos in memory. Once, a hundredth of the photos
is broken.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from bench import photos, processes, venvs
from bench.results import machine
from bench.servers import BUNDLE, PEERS

FOLDER = Path(tempfile.gettempdir()) / "sightserve-bench-batch"
_OURS = [sys.executable, "-m", "sightserve", "batch", "{photos}", "{out}"]
# shards of a hundred where one is a task: a real job has many for each CPU, and so have these few photos
_TASKS = ["--ray", "local", "--shard-rows", "100"]
_BROKEN_EVERY = 100
_LIMIT = 1800  # seconds of one run


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to classify a folder.

    Attributes:
        title: for the table.
        words: the command line; {photos} and {out} are replaced.
        peer: the folder in bench/peers whose environment runs it; empty: this one.
    """

    title: str
    words: Sequence[str]
    peer: str = ""


KINDS = {
    "slots": Kind("Sightserve, slots", _OURS),
    "ray": Kind("Sightserve, --ray local", [*_OURS, *_TASKS]),
    "ray-data": Kind("Ray Data script", ["ray_data/classify.py", "{photos}", "{out}"], "ray_data"),
    "pool": Kind("pool of processes", ["pool/classify.py", "{photos}", "{out}"], "pool"),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One run.

    Attributes:
        seconds: from start to end.
        peak: memory of all its processes, MiB.
        code: that it ended with.
        rows: that it wrote.
        answers: how many of them are answers.
        right: how many of these name the photo's class.
        said: its last line.
    """

    seconds: float
    peak: float
    code: int
    rows: int
    answers: int
    right: int
    said: str


def folder_of(count: int, *, broken: bool = False) -> Path:
    """Return a folder with so many photos, links to the labelled ones in turn; made once."""
    target = FOLDER / f"{count}{'-broken' if broken else ''}"
    if target.exists():
        return target
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    labelled = photos.labelled()
    for number in range(count):
        photo = labelled[number % len(labelled)]
        path = part / f"{number // 1000:03d}" / f"{number:06d}-{photo.class_index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if broken and number % _BROKEN_EVERY == _BROKEN_EVERY // 2:
            path.write_bytes([b"", b"no photo", photo.data[:2000]][number // _BROKEN_EVERY % 3])
        else:
            path.symlink_to((photos.directory() / photo.name).resolve())  # a link holds on any file system
    part.rename(target)
    return target


def visit(kind: Kind, where: Path, labels: Sequence[str]) -> Visit:
    """Run it once."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        out = Path(scratch) / "out"
        words = [word.format(photos=where, out=out) for word in kind.words]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGHTSERVE_")}
        if kind.peer:
            words = [str(venvs.python(kind.peer)), str(PEERS / words[0]), *words[1:]]
            environment |= {"BENCH_BUNDLE": str(BUNDLE), "PYTHONPATH": str(PEERS), "RAY_USAGE_STATS_ENABLED": "0"}
        log = Path(scratch) / "log"
        with log.open("wb") as output:
            began = time.perf_counter()
            process = subprocess.Popen(words, env=environment, stdout=output, stderr=output, process_group=0)
            peak = [0.0]
            watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
            watcher.start()
            try:
                code = process.wait(timeout=_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            seconds = time.perf_counter() - began
            watcher.join()
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return Visit(seconds, peak[0], code, *_rows(out, labels), said[-1][:300] if said else "")


def _watch(process: "subprocess.Popen[bytes]", peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], processes.memory(process.pid))
        time.sleep(0.3)


def _rows(out: Path, labels: Sequence[str]) -> tuple[int, int, int]:
    """Return how many rows there are, how many of them are answers, and how many of these are right."""
    rows = answers = right = 0
    for path in out.glob("*.parquet"):
        # what a model is not sure of has its most probable label all the same
        table = pq.read_table(path)
        column = "label_1" if "label_1" in table.column_names else "label"
        for name, label in zip(table["path"].to_pylist(), table[column].to_pylist(), strict=True):
            rows += 1
            answers += label is not None
            right += label == labels[int(Path(name).stem.partition("-")[2])]
    return rows, answers, right


def ceiling(seconds: float) -> dict[str, float]:
    """Return images per second on all cores: ours, and the straightforward path."""
    words = [sys.executable, "-m", "bench.ceiling", "--photos", "labelled", "--seconds", str(seconds)]
    words += ["--float-model", str(venvs.float_model())]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, cwd=photos.ROOT).stdout)
    cores = max(int(cell.partition("_")[2]) for cell in told)
    return {name: told[f"{name}_{cores}"][0] for name in ("ours", "straight")}


def measure(names: Sequence[str], count: int, short: int, rounds: int, seconds: float) -> dict[str, dict[str, object]]:
    """Return the figures of each way, medians over rounds."""
    labels = (BUNDLE / "labels.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, list[tuple[Visit, Visit]]] = {name: [] for name in names}
    ceilings = []
    for turn in range(rounds):
        ceilings.append(ceiling(seconds))
        print(f"round {turn}: ceiling {ceilings[-1]}", file=sys.stderr, flush=True)
        for name in names:
            pair = tuple(visit(KINDS[name], folder_of(size), labels) for size in (short, count))
            found[name].append((pair[0], pair[1]))
            print(f"round {turn}: {name}", *pair, sep="\n  ", file=sys.stderr, flush=True)
    figures: dict[str, dict[str, object]] = {}
    for name, pairs in found.items():
        rates = [(count - short) / (long.seconds - brief.seconds) for brief, long in pairs]
        ratios = [rate / one["ours"] for rate, one in zip(rates, ceilings, strict=True)]
        broken = visit(KINDS[name], folder_of(count, broken=True), labels)
        whole = [long for _, long in pairs]
        figures[name] = {
            "photos/s, steady": round(statistics.median(rates), 1),
            "of the ceiling": round(statistics.median(ratios), 3),
            "seconds, start included": round(statistics.median(run.seconds for run in whole), 1),
            "peak MiB": round(statistics.median(run.peak for run in whole)),
            "right": round(whole[-1].right / max(1, whole[-1].answers), 3),
            "exit code, rows, answers with 1 % broken": [broken.code, broken.rows, broken.answers],
            "its last line": broken.said,
        }
    for name in ("ours", "straight"):
        rate = statistics.median(one[name] for one in ceilings)
        figures[f"ceiling, {name}"] = {"photos/s, steady": round(rate, 1)}
    return figures


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--short", type=int, default=400, help="photos of the run that is subtracted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="for the ceiling, each round")
    parser.add_argument("--only", default=",".join(KINDS))
    asked = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    figures = measure(asked.only.split(","), asked.photos, asked.short, asked.rounds, asked.seconds)
    target = Path(__file__).parent / "results" / "batch.json"
    target.parent.mkdir(exist_ok=True)
    told = {"machine": machine(), "photos": asked.photos, "rounds": asked.rounds, "figures": figures}
    target.write_text(json.dumps(told, indent=1))
    table = csv.writer(sys.stdout, delimiter="|")
    shown = ["photos/s, steady", "of the ceiling", "seconds, start included", "peak MiB", "right"]
    shown.append("exit code, rows, answers with 1 % broken")
    table.writerow(["", *shown])
    for name, one in figures.items():
        table.writerow([KINDS[name].title if name in KINDS else name, *(one.get(column, "") for column in shown)])


if __name__ == "__main__":
    main()
