"""Quantise: two graphs -> [how often they agree, and which is faster], run as a slot runs them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import ModelError
from sightserve.backend.slot.engine import PROBABILITIES
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.models.errors import NetworkError
from sightserve.models.int8 import Pixels, external_files

_PROBABLE: Final = 0.5
_LEAST_PAIRS, _MOST_PAIRS = 7, 60


def engine_of(graph: Path, photo: Pixels, classes: int) -> OnnxEngine:
    """Return the engine of a graph, on one thread, for photos of any shape or of this one's where it takes no other.

    Raises:
        NetworkError: ONNX Runtime does not load it.
    """
    weights = {name: (graph.parent / name).read_bytes() for name in external_files(graph)}
    try:
        return OnnxEngine(graph.read_bytes(), weights, size=(photo.shape[2], photo.shape[1]), classes=classes)
    except ModelError as exc:
        raise NetworkError(str(exc)) from exc


def answers(engine: OnnxEngine, photos: Sequence[Pixels]) -> NDArray[np.float32]:
    """Return the probabilities of photos, one by one, (photos, classes).

    Raises:
        NetworkError: it fails on one.
    """
    try:
        return np.concatenate([engine.infer(photo)[PROBABILITIES] for photo in photos])
    except ModelError as exc:
        raise NetworkError(str(exc)) from exc


def same(some: NDArray[np.float32], others: NDArray[np.float32], *, exclusive: bool) -> NDArray[np.bool_]:
    """Return for each photo whether two rows of probabilities say the same: the first class, or the set of those above 0.5."""
    finite = np.isfinite(some).all(axis=1) & np.isfinite(others).all(axis=1)
    if exclusive:
        equal = some.argmax(axis=1) == others.argmax(axis=1)
    else:
        equal = ((some > _PROBABLE) == (others > _PROBABLE)).all(axis=1)
    return np.asarray(finite & equal)


def faster(engine: OnnxEngine, reference: OnnxEngine, photos: Sequence[Pixels], seconds: float) -> float:
    """Return how many times as fast an engine is: the median of pairs that ran in turn, so that others' load is in both.

    Args:
        engine: to measure.
        reference: to compare with.
        photos: to run.
        seconds: after which no new pair begins, once there are a few.
    """
    for warm in (reference, engine):
        warm.infer(photos[0])
    ratios: list[float] = []
    end = time.monotonic() + seconds
    while len(ratios) < _LEAST_PAIRS or (len(ratios) < _MOST_PAIRS and time.monotonic() < end):
        photo = photos[len(ratios) % len(photos)]
        ratios.append(_cpu_seconds(reference, photo) / _cpu_seconds(engine, photo))
    return float(np.median(ratios))


def _cpu_seconds(engine: OnnxEngine, photo: Pixels) -> float:
    began = time.thread_time()  # of this thread, which does all the work: what others do is not in it
    engine.infer(photo)
    return max(time.thread_time() - began, 1e-6)
