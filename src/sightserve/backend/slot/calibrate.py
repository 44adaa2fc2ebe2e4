"""What is fastest on this machine, measured at start-up in a fraction of a second instead of guessed.

A request that is alone is answered sooner by all cores together, on most machines. Under load, several that wait may run
together in one slot: they save hand-overs, each of which costs a switch of processes and cold caches, and many models do more
with several images at once. So they do, unless that makes the model itself slower. Nobody waits for company.
"""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.job import LARGEST_BATCH, Plan

Infer = Callable[[NDArray[np.uint8]], object]

# The fastest of so many calls is what is compared: whatever else the machine does makes calls slower, never faster.
_ROUNDS: Final = 4
_WIDE_ROUNDS: Final = 12
_WORTHWHILE: Final = 1.1  # less than 10 % faster is noise, and the simpler way wins
_TRIED: Final = 4  # images: where these gain nothing, more do not either
_TRIES: Final = 3  # the first one allocates
# What a batch may take, in single calls: a tenth is what hand-overs cost, another how well this is measured.
_TOLERABLE: Final = 1.2
# Seconds: a model this slow does not notice hand-overs, and people would wait for each other.
_LONGEST_BATCH: Final = 0.25


def calibrate(infer: Infer, shape: tuple[int, int, int]) -> Plan:
    """Measure batches and return the plan, as it is before `faster_on_all_cores` was asked.

    Args:
        infer: the model, on the thread that calls it.
        shape: (height, width, 3) of the model's input.
    """
    one, several = _images(1, shape), _images(_TRIED, shape)
    infer(one)  # the first call allocates
    # CPU time: other programs interrupt a longer call more often, and at a start there are always some.
    inference = min(_seconds(infer, one, time.thread_time) for _ in range(_ROUNDS))
    batch = 1
    if inference * LARGEST_BATCH <= _LONGEST_BATCH:
        together = min(_seconds(infer, several, time.thread_time) for _ in range(_TRIES))
        batch = LARGEST_BATCH if together <= _TOLERABLE * _TRIED * inference else 1
    return Plan(batch, wide=False, inference=inference)


def faster_on_all_cores(infer: Infer, wide_infer: Infer, shape: tuple[int, int, int]) -> bool:
    """Return whether all cores together answer one request sooner. To be asked while they have nothing else to do.

    Args:
        infer: the model on one thread.
        wide_infer: the model on as many threads as there are cores.
        shape: (height, width, 3) of the model's input.
    """
    one = _images(1, shape)
    for warm in (infer, wide_infer):
        warm(one)
    narrow = min(_seconds(infer, one) for _ in range(_ROUNDS))
    # Until once it was: the other threads may need some calls before they are as quick as they will be.
    return any(narrow >= _WORTHWHILE * _seconds(wide_infer, one) for _ in range(_WIDE_ROUNDS))


def _images(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.zeros((count, *shape), dtype=np.uint8)


def _seconds(infer: Infer, images: NDArray[np.uint8], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    infer(images)
    return clock() - started
