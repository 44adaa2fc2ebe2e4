"""Model build: ONNX graphs -> [accuracy, agreement, speed]."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from _graph import FEATURES, INPUT, OUTPUT
from _network import Float
from _photos import Photos

BATCH = 8
CALLS = 10  # in a row, of one session, the shapes as they come
LEVELS = {
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "off": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


@dataclass(frozen=True)
class Score:
    """What a network gets right and how close it is to the float32 one; fractions from 0 to 1."""

    top1: float
    top5: float
    agreement: float  # share of the photos with the same top-1 class
    divergence: float  # mean Kullback-Leibler divergence from the float32 probabilities, nats


@dataclass(frozen=True)
class Timing:
    """Milliseconds per photo, (rounds, sessions)."""

    table: NDArray[np.float64]

    def milliseconds(self, session: int) -> float:
        """Return the median of all rounds."""
        return float(np.median(self.table[:, session]))

    def speed(self, session: int, baseline: int) -> float:
        """Return how many times as fast as the baseline a session is: the median of the rounds' ratios."""
        return float(np.median(self.table[:, baseline] / self.table[:, session]))


def open_session(model: bytes, threads: int = 1, level: str = "all") -> ort.InferenceSession:
    """Open a session as the backend does; the level is of graph optimisation, a key of `LEVELS`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = LEVELS[level]
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def predict(session: ort.InferenceSession, photos: Photos) -> Float:
    """Return the probabilities of many photos, (N, classes)."""
    results: dict[int, Float] = {}
    for numbers, pixels in photos.batches(BATCH):
        results |= zip(numbers, session.run([OUTPUT], {INPUT: pixels})[0], strict=True)
    return np.stack([results[number] for number in range(len(photos.classes))])


def prove_class_map(session: ort.InferenceSession, class_map: ort.InferenceSession, photos: Photos) -> float:
    """Return how far the class map's sums are from the logits, at most: of all classes of all photos.

    Softmax takes away what all logits have in common, so both are compared less their mean.
    """
    worst = 0.0
    for _, pixels in photos.batches(BATCH):
        probabilities, features = session.run([OUTPUT, FEATURES], {INPUT: pixels})
        sums = class_map.run(None, {FEATURES: features})[0].sum(axis=(1, 2))
        logits = np.log(np.maximum(probabilities, 1e-30))
        apart = (logits - logits.mean(axis=1, keepdims=True)) - (sums - sums.mean(axis=1, keepdims=True))
        worst = max(worst, float(np.abs(apart).max()))
    return worst


def score(probabilities: Float, reference: Float, classes: NDArray[np.int64]) -> Score:
    """Compare with the true classes and with the float32 network's probabilities."""
    best = np.argsort(-probabilities, axis=1)[:, :5]
    right = best == classes[:, None]
    return Score(
        top1=float(right[:, 0].mean()),
        top5=float(right.any(axis=1).mean()),
        agreement=float((best[:, 0] == reference.argmax(axis=1)).mean()),
        divergence=divergence(probabilities, reference),
    )


def divergence(probabilities: Float, reference: Float) -> float:
    """Return the mean Kullback-Leibler divergence from the reference, in nats."""
    tiny = 1e-12
    return float((reference * (np.log(reference + tiny) - np.log(probabilities + tiny))).sum(axis=1).mean())


def time_sessions(sessions: list[ort.InferenceSession], photos: Photos, *, batch: int, rounds: int) -> Timing:
    """Time calls of several sessions by turns, so that a busy machine slows all of them alike."""
    table = np.empty((rounds, len(sessions)))
    batches = [pixels for _, pixels in photos.batches(batch) if len(pixels) == batch][:CALLS]
    for session in sessions:
        session.run([OUTPUT], {INPUT: batches[0]})
    for row in range(rounds):
        for column, session in enumerate(sessions):
            calls = []
            for pixels in batches:
                began = time.perf_counter()
                session.run([OUTPUT], {INPUT: pixels})
                calls.append(time.perf_counter() - began)
            # the quickest: whatever else the machine does can only add to it
            table[row, column] = min(calls) * 1e3 / batch
    return Timing(table)


def time_opening(model: bytes, rounds: int = 15, level: str = "all") -> float:
    """Return the ms that opening a session takes when nothing else gets in the way: the quickest of some."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        open_session(model, level=level)
        took.append(time.perf_counter() - began)
    return min(took) * 1e3
