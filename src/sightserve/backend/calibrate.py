"""What is fastest on this machine, measured at start-up in a fraction of a second instead of guessed.

On CPUs, requests side by side on one thread each get more done than batches, and a request that is alone is answered sooner
by all cores together; on other devices it can be the other way round. So both are measured, with the model that is served.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Infer = Callable[[NDArray[np.uint8]], object]

_BATCH: Final = 8
_ROUNDS: Final = 3
_WORTHWHILE: Final = 1.1  # less than 10 % faster is noise, and the simpler way wins
_LONGEST_BATCH: Final = 0.25  # seconds: a model this slow is not measured in batches, the start would take too long


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with this model on this machine.

    Attributes:
        batch: how many requests run together in one call of the model.
        wide: whether a request that is alone gets all cores.
        inference: seconds of one call with one image on one thread.
    """

    batch: int
    wide: bool
    inference: float


def calibrate(infer: Infer, wide_infer: Infer | None, shape: tuple[int, int, int], slots: int) -> Plan:
    """Measure and return the plan.

    Args:
        infer: the model on one thread.
        wide_infer: the model on all cores, or None where there is one core.
        shape: (height, width, 3) of the model's input.
        slots: how many calls run side by side under load.
    """
    one = _images(1, shape)
    for warm in (infer, wide_infer):
        if warm is not None:
            warm(one)  # the first call allocates
    inference = statistics.median(_seconds(infer, one) for _ in range(_ROUNDS))
    wide = False
    if wide_infer is not None:
        wide = inference >= _WORTHWHILE * statistics.median(_seconds(wide_infer, one) for _ in range(_ROUNDS))
    batch = 1
    if inference * _BATCH <= _LONGEST_BATCH:
        batch = _best_batch(infer, inference, shape, slots)
    return Plan(batch, wide, inference)


def _best_batch(infer: Infer, inference: float, shape: tuple[int, int, int], slots: int) -> int:
    """Return the batch size that gets most done with all slots busy.

    One batch on an idle machine tells a CPU already: there it takes as long as its images one by one, and nothing more has
    to be measured. Where it is faster, it has to prove it with all slots at once.
    """
    half = _images(_BATCH // 2, shape)
    if _seconds(infer, half) >= len(half) * inference / _WORTHWHILE:
        return 1
    with ThreadPoolExecutor(slots) as pool:
        rates = {n: n / _side_by_side(pool, infer, _images(n, shape), slots) for n in (1, _BATCH // 2, _BATCH)}
    best = max(rates, key=lambda n: rates[n])
    return best if rates[best] >= _WORTHWHILE * rates[1] else 1


def _images(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.zeros((count, *shape), dtype=np.uint8)


def _seconds(infer: Infer, images: NDArray[np.uint8]) -> float:
    started = time.perf_counter()
    infer(images)
    return time.perf_counter() - started


def _side_by_side(pool: ThreadPoolExecutor, infer: Infer, images: NDArray[np.uint8], slots: int) -> float:
    started = time.perf_counter()
    for done in [pool.submit(infer, images) for _ in range(slots)]:
        done.result()
    return time.perf_counter() - started
