"""In-process ceiling: decode, inference and ranking in as many threads as cores, no HTTP. Run in the server's own Python.

Prints one line of JSON. Our path and the straightforward one take turns, block by block, so that whatever else the machine
does meets both.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from bench import photos
from bench.stats import median
from bench.straight import Straight
from sightserve.backend.build import build_pipeline, load
from sightserve.backend.metrics import Metrics
from sightserve.backend.pipeline import Job
from sightserve.backend.settings import Settings

_BLOCKS = 4  # of each path and thread count


def rate(work: Callable[[bytes], object], images: Sequence[bytes], threads: int, seconds: float) -> tuple[float, float]:
    """Return images per second over all threads, and CPU milliseconds per image; each thread starts elsewhere."""
    end = time.perf_counter() + seconds

    def one(offset: int) -> int:
        done = 0
        for image in islice(cycle(images), offset, None):
            work(image)
            done += 1
            if time.perf_counter() >= end:
                break
        return done

    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(one, [i * len(images) // threads for i in range(threads)]))
    return done / (time.perf_counter() - started), (time.process_time() - cpu) * 1000 / done


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", choices=("imagenet", "large"), default="imagenet")
    parser.add_argument("--seconds", type=float, default=10, help="for each path and thread count, in all")
    parser.add_argument("--float-model", type=Path, help="the float-input model (bench/straight.py makes it)")
    options = parser.parse_args()
    images = [photo.data for photo in (photos.imagenet() if options.photos == "imagenet" else photos.large())]
    settings = Settings()
    pipeline, _ = build_pipeline(settings, load(settings), Metrics())
    paths: dict[str, Callable[[bytes], object]] = {"ours": lambda image: pipeline.classify(Job(image))}
    if options.float_model:
        paths["straight"] = Straight(options.float_model, pipeline.labels).classify
    cells = [(name, threads) for threads in sorted({1, settings.cpus}) for name in paths]
    found: dict[str, list[tuple[float, float]]] = {}
    for work in paths.values():
        rate(work, images, settings.cpus, 1)  # warm
    for _ in range(_BLOCKS):
        for name, threads in cells:
            found.setdefault(f"{name}_{threads}", []).append(
                rate(paths[name], images, threads, options.seconds / _BLOCKS)
            )
    json.dump(
        {cell: [median(column) for column in zip(*rates, strict=True)] for cell, rates in found.items()}, sys.stdout
    )


if __name__ == "__main__":
    main()
