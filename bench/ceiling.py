"""The ceiling: decode, inference and ranking in as many processes as cores, no HTTP. Run in the server's own Python.

Prints one line of JSON. Our path and the straightforward one take turns, block by block, so that whatever else the machine
does meets both.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import photos
from bench.stats import median
from bench.straight import Straight
from sightserve.backend.assemble import assemble
from sightserve.backend.build import load
from sightserve.backend.job import Job
from sightserve.backend.settings import Settings

_BLOCKS = 4  # of each path and thread count


def rate(
    work: Callable[[bytes], object], images: Sequence[bytes], processes: int, seconds: float
) -> tuple[float, float]:
    """Return images per second over all processes, and CPU milliseconds per image; each process starts elsewhere."""
    end = time.perf_counter() + seconds
    told: list[tuple[Any, Any]] = []

    def one(offset: int, to: Connection) -> None:
        done, cpu = 0, time.process_time()
        for image in islice(cycle(images), offset, None):
            work(image)
            done += 1
            if time.perf_counter() >= end:
                break
        to.send((done, time.process_time() - cpu))

    started = time.perf_counter()
    context = get_context("fork")  # the loaded models come along, as nothing else could hand them over
    for i in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=one, args=(i * len(images) // processes, theirs))
        process.start()
        told.append((process, ours))
    counts = [ours.recv() for _, ours in told]
    for process, _ in told:
        process.join()
    done = sum(count for count, _ in counts)
    return done / (time.perf_counter() - started), sum(cpu for _, cpu in counts) * 1000 / done


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", choices=("imagenet", "large"), default="imagenet")
    parser.add_argument("--seconds", type=float, default=10, help="for each path and process count, in all")
    parser.add_argument("--float-model", type=Path, help="the float-input model (bench/straight.py makes it)")
    options = parser.parse_args()
    images = [photo.data for photo in (photos.imagenet() if options.photos == "imagenet" else photos.large())]
    settings = Settings()
    pipeline, _ = assemble(settings, load(settings), measure=False)
    paths: dict[str, Callable[[bytes], object]] = {"ours": lambda image: pipeline.execute([Job(image)], [0.0], False)}
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
