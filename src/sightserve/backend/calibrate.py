"""What is fastest on this machine, measured at start-up in a fraction of a second instead of guessed.

A request that is alone is answered sooner by all cores together, on most machines. Under load, several that wait may run
together in one slot: they save hand-overs, each of which costs a switch of processes and cold caches, and many models do more
with several images at once. So they do, unless that makes the model itself slower. Nobody waits for company.
"""

import statistics
import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.job import LARGEST_BATCH, Plan

Infer = Callable[[NDArray[np.uint8]], object]

_ROUNDS: Final = 3
_WORTHWHILE: Final = 1.1  # less than 10 % faster is noise, and the simpler way wins
_TRIED: Final = 4  # images: where these gain nothing, more do not either
_TRIES: Final = 2
# What a batch may take, in single calls: a tenth is what hand-overs cost, and how well this is measured.
_TOLERABLE: Final = 1.1
# Seconds: a model this slow does not notice hand-overs, and people would wait for each other.
_LONGEST_BATCH: Final = 0.25


def calibrate(infer: Infer, wide_infer: Infer | None, shape: tuple[int, int, int]) -> Plan:
    """Measure and return the plan.

    Args:
        infer: the model on one thread.
        wide_infer: the model on all cores, or None where there is one core.
        shape: (height, width, 3) of the model's input.
    """
    one = _images(1, shape)
    for warm in (infer, wide_infer):
        if warm is not None:
            warm(one)  # the first call allocates
    singles = [_seconds(infer, one) for _ in range(_ROUNDS)]
    inference, fastest = statistics.median(singles), min(singles)
    wide = False
    if wide_infer is not None:
        wide = inference >= _WORTHWHILE * statistics.median(_seconds(wide_infer, one) for _ in range(_ROUNDS))
    batch = 1
    if inference * LARGEST_BATCH <= _LONGEST_BATCH:
        several = _images(_TRIED, shape)
        # the fastest of each: whatever else the machine does makes calls slower, never faster
        together = min(_seconds(infer, several) for _ in range(_TRIES))
        batch = LARGEST_BATCH if together <= _TOLERABLE * _TRIED * fastest else 1
    return Plan(batch, wide, inference)


def _images(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.zeros((count, *shape), dtype=np.uint8)


def _seconds(infer: Infer, images: NDArray[np.uint8]) -> float:
    started = time.perf_counter()
    infer(images)
    return time.perf_counter() - started
