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

_BATCHES: Final = (4, 8)
_ROUNDS: Final = 3
_WORTHWHILE: Final = 1.1  # less than 10 % faster is noise, and the simpler way wins
_BUDGET: Final = 0.5  # seconds: what is not measured by then stays at its default


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
    until = time.perf_counter() + _BUDGET
    one = np.zeros((1, *shape), dtype=np.uint8)
    for warm in (infer, wide_infer):
        if warm is not None:
            warm(one)  # the first call allocates
    inference = statistics.median(_seconds(infer, one) for _ in range(_ROUNDS))
    wide = (
        wide_infer is not None
        and inference / statistics.median(_seconds(wide_infer, one) for _ in range(_ROUNDS)) >= _WORTHWHILE
    )
    best, best_rate = 1, 0.0
    with ThreadPoolExecutor(slots) as pool:
        for batch in (1, *_BATCHES):
            # every round of a batch size calls the model slots times; stop where that would not fit in any more
            if batch > 1 and time.perf_counter() + inference * batch * 2 > until:
                break
            images = np.zeros((batch, *shape), dtype=np.uint8)
            seconds = min(_side_by_side(pool, infer, images, slots) for _ in range(_ROUNDS if batch == 1 else 1))
            rate = batch * slots / seconds
            if rate >= best_rate * (_WORTHWHILE if best_rate else 1):
                best, best_rate = batch, rate
    return Plan(best, wide, inference)


def _seconds(infer: Infer, images: NDArray[np.uint8]) -> float:
    started = time.perf_counter()
    infer(images)
    return time.perf_counter() - started


def _side_by_side(pool: ThreadPoolExecutor, infer: Infer, images: NDArray[np.uint8], slots: int) -> float:
    started = time.perf_counter()
    for done in [pool.submit(infer, images) for _ in range(slots)]:
        done.result()
    return time.perf_counter() - started
