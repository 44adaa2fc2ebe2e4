"""What is fastest on this machine, measured at start-up in a fraction of a second instead of guessed.

Under load, several that wait may run together in one slot: they save hand-overs, each of which costs a switch of processes
and cold caches, and many models do more with several images at once. So they do, unless that makes the model itself slower.
Nobody waits for company.
"""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.job import LARGEST_BATCH, Plan

Infer = Callable[[NDArray[np.uint8]], object]

# The fastest of so many calls is what is compared: whatever else the machine does makes calls slower, never faster. Few, since
# everybody waits for them at a start.
_ROUNDS: Final = 3
_TRIES: Final = 2  # the first one allocates
# What a batch may take, in single calls: a tenth is what hand-overs cost, another how well this is measured.
_TOLERABLE: Final = 1.2
# Seconds: a model this slow does not notice hand-overs, and people would wait for each other.
_LONGEST_BATCH: Final = 0.25


def calibrate(infer: Infer, images: NDArray[np.uint8], max_batch: int | None = None) -> Plan:
    """Measure batches and return the plan.

    Args:
        infer: the model, on the thread that calls it.
        images: (4, height, width, 3), of the size that most photos have; the first was answered before. Where four
            together gain nothing, more do not either.
        max_batch: images that the model takes at once; None: any number.
    """
    inference = min(_seconds(infer, images[at : at + 1]) for at in range(1, _ROUNDS + 1))
    largest = LARGEST_BATCH if max_batch is None else min(LARGEST_BATCH, max_batch)
    batch = 1
    if largest > 1 and inference * largest <= _LONGEST_BATCH:
        several = images[:largest]
        together = min(_seconds(infer, several) for _ in range(_TRIES))
        batch = largest if together <= _TOLERABLE * len(several) * inference else 1
    return Plan(batch, inference)


def _seconds(infer: Infer, images: NDArray[np.uint8]) -> float:
    # CPU time: other programs interrupt a longer call more often, and at a start there are always some.
    started = time.thread_time()
    infer(images)
    return time.thread_time() - started
