"""In-process ceiling: decode, inference and ranking without HTTP, on one core and on all. Run in the server's own Python.

On all cores it is one process for each, as the server's slots are. Photos of ImageNet's size go in batches, as a slot gets them
under load, and one by one. Prints one line of JSON. The paths take turns, block by block, so that whatever else the machine
does meets all.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from bench import photos
from bench.stats import median
from bench.straight import Straight
from sightserve.backend.build import load, model_files, setup_of
from sightserve.backend.job import LARGEST_BATCH, Job
from sightserve.backend.settings import Settings
from sightserve.backend.slot.assemble import assemble
from sightserve.imaging.geometry import input_geometry

_BLOCKS = 4  # of each path and number of processes
Work = Callable[[Sequence[bytes]], object]


def rate(work: Work, together: int, images: Sequence[bytes], count: int, seconds: float) -> tuple[float, float]:
    """Return images per second over `count` processes, and CPU milliseconds per image.

    Args:
        work: to be done.
        together: on how many images at a time.
        images: cycled over.
        count: of processes.
        seconds: how long.
    """
    # forked, so that each has the loaded model; nothing here has started a thread yet
    context = multiprocessing.get_context("fork")
    ends, children = [], []
    for number in range(count):
        mine, theirs = context.Pipe(duplex=False)
        shifted = [*images[number * len(images) // count :], *images[: number * len(images) // count]]
        chunks = [shifted[at : at + together] for at in range(0, len(shifted), together)]
        children.append(context.Process(target=_repeat, args=(work, chunks, seconds, theirs.send)))
        ends.append(mine)
        children[-1].start()
    told = [end.recv() for end in ends]
    for child in children:
        child.join()
    done = sum(one[0] for one in told)
    return sum(one[0] / one[1] for one in told), sum(one[2] for one in told) * 1000 / done


def _repeat(work: Work, chunks: Sequence[Sequence[bytes]], seconds: float, tell: Callable[[object], object]) -> None:
    """Tell how many images were done, in how many seconds and CPU seconds; what the first touches is not counted."""
    work(chunks[0])
    done, started, cpu = 0, time.perf_counter(), time.process_time()
    for chunk in islice(cycle(chunks), 1, None):
        work(chunk)
        done += len(chunk)
        if time.perf_counter() - started >= seconds:
            break
    tell((done, time.perf_counter() - started, time.process_time() - cpu))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", choices=("imagenet", "labelled", "large"), default="imagenet")
    parser.add_argument("--seconds", type=float, default=10, help="for each path and number of processes, in all")
    parser.add_argument("--float-model", type=Path, required=True, help="bench/venvs.py makes it")
    options = parser.parse_args()
    chosen = {"imagenet": photos.imagenet, "labelled": photos.labelled, "large": photos.large}[options.photos]
    images = [photo.data for photo in chosen()]
    settings = Settings(threads_when_alone=1)
    bundle = load(settings)
    setup = setup_of(settings, bundle)
    pipeline, _ = assemble(setup, model_files(bundle))
    straight = Straight(options.float_model, pipeline.labels, input_geometry(setup.input))

    def ours(chunk: Sequence[bytes]) -> object:
        return pipeline.execute([Job(image) for image in chunk], [0.0] * len(chunk), alone=False)

    paths: dict[str, tuple[Work, int]] = {
        "ours": (ours, 1 if options.photos == "large" else LARGEST_BATCH),  # as the scheduler hands them to a slot
        "single": (ours, 1),
        "straight": (lambda chunk: straight.classify(chunk[0]), 1),
    }
    cells = {
        f"{name}_{count}": partial(rate, work, together, images, count, options.seconds / _BLOCKS)
        for count in sorted({1, settings.cpus})
        for name, (work, together) in paths.items()
    }
    found: dict[str, list[tuple[float, float]]] = {cell: [] for cell in cells}
    for _ in range(_BLOCKS):
        for cell, measure in cells.items():
            found[cell].append(measure())
    json.dump(
        {cell: [median(column) for column in zip(*rates, strict=True)] for cell, rates in found.items()}, sys.stdout
    )


if __name__ == "__main__":
    main()
