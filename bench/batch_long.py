"""One long batch: the rate and the memory over time, which must not change with the number of photos.

    python -m bench.batch_long --photos 200000 --model fast    # a quarter of an hour and more; draws docs/images/batch-long.svg

The photos are hard links to the labelled ones, in folders of a thousand.
"""

import argparse
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import photos, processes
from bench.stats import median

_OF_FOLDER: Final = 1000
_WIDTH, _HEIGHT, _LEFT, _GAP = 720, 130, 56, 34
_SAY: Final = 50_000  # photos between two rows of the table


class Mark(NamedTuple):
    """The job at one moment: seconds since its start, photos found and done, MiB of all its processes."""

    seconds: float
    found: int
    done: int
    memory: float


def main() -> None:
    """Measure, draw, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200_000)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--svg", type=Path, default=Path("docs/images/batch-long.svg"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sightserve-bench-") as folder:
        links(Path(folder) / "in", asked.photos)
        marks = run(Path(folder) / "in", Path(folder) / "out", asked.model)
        written = sum(path.stat().st_size for path in (Path(folder) / "out").rglob("*") if path.is_file())
    rates = [(b.done - a.done) / (b.seconds - a.seconds) for a, b in itertools.pairwise(marks)]
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "batch_long.json").write_text(json.dumps([mark._asdict() for mark in marks]))
    asked.svg.write_text(drawn(marks, rates))
    print(f"{written / 2**20:.0f} MiB written\n| photos | a second | MiB of all processes |\n|---|---|---|")
    for start in range(0, asked.photos, _SAY):
        inside = [number for number, mark in enumerate(marks[1:]) if start <= mark.done < start + _SAY]
        if inside:
            rate, memory = (median([values[n] for n in inside]) for values in (rates, [m.memory for m in marks[1:]]))
            print(f"| {start:,} to {start + _SAY:,} | {rate:.0f} | {memory:.0f} |")


def links(folder: Path, count: int) -> None:
    """Make so many names of the labelled photos."""
    originals = []
    for number, photo in enumerate(photos.imagenet()):
        original = folder.parent / "originals" / f"{number}.jpg"
        original.parent.mkdir(exist_ok=True)
        original.write_bytes(photo.data)
        originals.append(original)
    for number in range(count):
        path = folder / f"{number // _OF_FOLDER:04d}" / f"{number:07d}.jpg"
        if not number % _OF_FOLDER:
            path.parent.mkdir(parents=True)
        try:
            os.link(originals[number % len(originals)], path)
        except OSError:  # a file has as many names as its file system allows
            shutil.copy(originals[number % len(originals)], path)


def run(photos_: Path, out: Path, model: str) -> list[Mark]:
    """Run the command and look at it now and then."""
    command = [sys.executable, "-m", "sightserve", "batch", str(photos_), str(out), "--json", "--model", model]
    began = time.monotonic()
    marks: list[Mark] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():  # one every ten seconds
            told = json.loads(line)
            if told["event"] == "progress":
                marks.append(Mark(time.monotonic() - began, told["found"], told["done"], processes.memory(process.pid)))
    if process.returncode:
        sys.exit("the job has failed")
    print(f"{told['done']:,} photos in {(time.monotonic() - began) / 60:.1f} min, {told['errors']} errors")
    return marks


def drawn(marks: Sequence[Mark], rates: Sequence[float]) -> str:
    """Return two curves over the photos done, one below the other, as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {2 * (_HEIGHT + _GAP)}" font-family="sans-serif" '
        'font-size="12" fill="#666">',
        _curve(
            0, "photos a second", [(mark.done, rate) for mark, rate in zip(marks[1:], rates, strict=True)], "#1f6feb"
        ),
        _curve(_HEIGHT + _GAP, "MiB of all processes", [(mark.done, mark.memory) for mark in marks], "#b35900"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _curve(top: int, title: str, points: Sequence[tuple[float, float]], colour: str) -> str:
    right, high = max(x for x, _ in points), max(y for _, y in points) * 1.15
    low = top + _GAP + _HEIGHT - 18
    across, up = (_WIDTH - _LEFT - 10) / right, (_HEIGHT - 18) / high
    line = " ".join(f"{_LEFT + x * across:.1f},{low - y * up:.1f}" for x, y in points)
    step = max(1, 10 ** int(math.log10(right)) // 2)
    marks = [
        f'<text x="{_LEFT + at * across:.0f}" y="{low + 15}" text-anchor="middle">{at:,}</text>'
        for at in range(step, int(right) + step // 50, step)
    ]
    return "\n".join(
        [
            f'<text x="{_LEFT}" y="{top + _GAP - 12}">{title}, over the photos that are done</text>',
            f'<path d="M{_LEFT} {low}H{_WIDTH - 10}M{_LEFT} {low}V{top + _GAP}" stroke="#999" fill="none"/>',
            f'<text x="{_LEFT - 6}" y="{low - high / 1.15 * up + 4:.0f}" text-anchor="end">{high / 1.15:,.0f}</text>',
            f'<text x="{_LEFT - 6}" y="{low + 4}" text-anchor="end">0</text>',
            *marks,
            f'<polyline points="{line}" stroke="{colour}" stroke-width="1.5" fill="none"/>',
        ]
    )


if __name__ == "__main__":
    main()
