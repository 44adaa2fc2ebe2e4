"""Quantise: two graphs -> [how often they agree, and which is faster], run as a slot runs them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from sightserve.backend.errors import ModelError
from sightserve.backend.slot.engine import PROBABILITIES
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.models.errors import NetworkError
from sightserve.models.graph import dimensions, external_files
from sightserve.models.int8 import Pixels

_PROBABLE: Final = 0.5
_LEAST_PAIRS, _MOST_PAIRS = 7, 60


class Running:
    """A wrapped graph in a slot's engine, on one thread."""

    def __init__(self, graph: Path, photo: Pixels) -> None:
        """Load it.

        Args:
            graph: its external data lie beside it.
            photo: of the shape that is to be run, or of one of them.

        Raises:
            NetworkError: ONNX Runtime does not load it.
        """
        (output,) = onnx.load(str(graph), load_external_data=False).graph.output
        weights = {name: graph.with_name(name).read_bytes() for name in external_files(graph)}
        size = (photo.shape[2], photo.shape[1])
        try:
            self._engine = OnnxEngine(graph.read_bytes(), weights, size=size, classes=dimensions(output)[1] or 0)
        except ModelError as exc:
            raise NetworkError(str(exc)) from exc

    def answers(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the probabilities of photos, one by one, (photos, classes).

        Raises:
            NetworkError: it fails on one.
        """
        try:
            return np.concatenate([self._engine.infer(photo)[PROBABILITIES] for photo in photos])
        except ModelError as exc:
            raise NetworkError(str(exc)) from exc

    def seconds(self, photo: Pixels) -> float:
        """Return the CPU time of one call, all of which this thread spends: what others do is not in it."""
        began = time.thread_time()
        self._engine.infer(photo)
        return max(time.thread_time() - began, 1e-6)


@dataclass(frozen=True, slots=True)
class Reference:
    """What forms of a graph are compared with.

    Attributes:
        engine: of float32.
        photos: (1, height, width, 3) each.
        said: by it of these, (photos, classes).
        exclusive: whether one class is right.
    """

    engine: Running
    photos: Sequence[Pixels]
    said: NDArray[np.float32]
    exclusive: bool

    @classmethod
    def of(cls, graph: Path, photos: Sequence[Pixels], *, exclusive: bool) -> "Reference":
        """Run a float32 graph on photos.

        Raises:
            NetworkError: it does not run.
        """
        engine = Running(graph, photos[0])
        return cls(engine, photos, engine.answers(photos), exclusive)

    def compare(self, graph: Path, seconds: float) -> tuple[NDArray[np.bool_], float]:
        """Return for each photo whether another graph says the same, and how many times as fast it is.

        The median of pairs that run in turn: what else the machine does is in both.

        Args:
            graph: to compare.
            seconds: after which no new pair begins, once there are a few.

        Raises:
            NetworkError: it does not run.
        """
        other = Running(graph, self.photos[0])
        agrees = self._same(other.answers(self.photos))  # which warms it up
        ratios: list[float] = []
        end = time.monotonic() + seconds
        while len(ratios) < _LEAST_PAIRS or (len(ratios) < _MOST_PAIRS and time.monotonic() < end):
            photo = self.photos[len(ratios) % len(self.photos)]
            ratios.append(self.engine.seconds(photo) / other.seconds(photo))
        return agrees, float(np.median(ratios))

    def _same(self, said: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether both have the same first class, or the same set of those above 0.5."""
        if self.exclusive:
            equal = said.argmax(axis=1) == self.said.argmax(axis=1)
        else:
            equal = ((said > _PROBABLE) == (self.said > _PROBABLE)).all(axis=1)
        return np.asarray(equal & np.isfinite(said).all(axis=1))
