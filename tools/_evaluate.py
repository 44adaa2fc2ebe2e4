"""Model build: ONNX graphs -> [accuracy, agreement, speed]."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from _graph import INPUT
from _network import Float
from _photos import Photos
from numpy.typing import NDArray

BATCH = 8
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


def open_session(model: bytes, threads: int = 1, level: str = "all") -> ort.InferenceSession:
    """Open a session as the backend does; the level is of graph optimisation, a key of `LEVELS`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = LEVELS[level]
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def predict(session: ort.InferenceSession, pixels: NDArray[np.uint8]) -> Float:
    """Return the probabilities of many photos, (N, classes)."""
    batches = range(0, len(pixels), BATCH)
    return np.concatenate([session.run(None, {INPUT: pixels[start : start + BATCH]})[0] for start in batches])


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


def time_sessions(sessions: list[ort.InferenceSession], photos: Photos, *, batch: int, rounds: int) -> list[float]:
    """Return each session's ms per call: the sessions take turns, so that a busy machine slows all alike.

    The median of all rounds of the median of ten calls in a row.
    """
    rounds_ms: list[list[float]] = [[] for _ in sessions]
    for session in sessions:
        session.run(None, {INPUT: photos.pixels[:batch]})
    for _ in range(rounds):
        for session, medians in zip(sessions, rounds_ms, strict=True):
            calls = []
            for start in range(10):
                pixels = photos.pixels[start : start + batch]
                began = time.perf_counter()
                session.run(None, {INPUT: pixels})
                calls.append(time.perf_counter() - began)
            medians.append(float(np.median(calls)) * 1e3)
    return [float(np.median(medians)) for medians in rounds_ms]


def time_opening(model: bytes, rounds: int = 7, level: str = "all") -> float:
    """Return the median ms of opening a session."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        open_session(model, level=level)
        took.append(time.perf_counter() - began)
    return float(np.median(took)) * 1e3
