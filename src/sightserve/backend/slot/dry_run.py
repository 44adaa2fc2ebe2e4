"""Before the data path: a loaded engine -> [does it answer as a classifier does?] -> ready. What fails answers nobody.

Nobody's photos: a few pictures are enough to see what would fail for everybody, and the calibration runs the model anyhow.
"""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import ModelError, ModelLoadError
from sightserve.backend.slot.engine import PROBABILITIES, Engine
from sightserve.backend.slot.ranking import check

Pictures = NDArray[np.uint8]

_SLOW: Final = 0.1  # seconds of one call: everybody waits for these at a start
_SAME: Final = 1e-6  # of a probability
# What the others of a batch may change a probability by. Ranges that are measured at run time (dynamic int8) are those of the
# whole batch, which moves answers a little; a softmax over the wrong axis, or a normalisation over the batch, makes others.
_NOTICEABLE: Final = 0.02
_BROKEN: Final = 0.25


def pictures(size: tuple[int, int]) -> Pictures:
    """Return black, noise, warm colours and cold ones, (4, height, width, 3): as unlike each other as can be."""
    made = np.zeros((4, size[1], size[0], 3), dtype=np.uint8)
    made[1] = np.random.default_rng(0).integers(0, 256, made[1].shape, dtype=np.uint8)
    made[2, ..., 0] = np.linspace(128, 255, size[0])
    made[2, ..., 1] = np.linspace(0, 128, size[1])[:, None]
    made[3] = made[2, ..., ::-1]
    return made


class DryRun:
    """An engine that is asked for the first time, and looked at as nobody looks at it later."""

    def __init__(self, engine: Engine, *, classes: int, exclusive: bool) -> None:
        """Prepare it.

        Args:
            engine: that has just been loaded.
            classes: that it is to tell apart.
            exclusive: whether their probabilities sum to 1.
        """
        self._engine, self._classes, self._exclusive = engine, classes, exclusive
        self._alone: list[NDArray[np.float32]] = []
        self._together: NDArray[np.float32] | None = None

    def infer(self, images: Pictures) -> None:
        """Have the engine answer to one of `pictures`, in their order, or to several at once, from the first one on.

        Raises:
            ModelLoadError: it is no classifier of so many classes.
        """
        try:
            found = self._engine.infer(images)[PROBABILITIES]
            if found.shape != (len(images), self._classes):
                raise ModelError(
                    f"its output has the shape {list(found.shape)}, where photos and labels need {[len(images), self._classes]}"
                )
            check(found, exclusive=self._exclusive)
        except ModelError as exc:
            if len(images) == 1:
                raise ModelLoadError(f"the model does not work: {exc}") from exc
            raise ModelLoadError(
                f"the model answers to one photo and not to {len(images)} at once: say max_batch: 1 in the manifest. {exc}"
            ) from exc
        if len(images) == 1:
            self._alone.append(found[0])
        else:
            self._together = found

    def run(self, images: Pictures, *, batches: bool) -> float:
        """Have it answer to two more of `pictures` and, where it is ever given several at once, to all; a slow one to one.

        Return the seconds of one call.

        Raises:
            ModelLoadError: as `infer`.
        """
        began = time.perf_counter()
        self.infer(images[1:2])
        seconds = time.perf_counter() - began
        if seconds < _SLOW:
            self.infer(images[2:3])
            if batches:
                self.infer(images)
        return seconds

    def conclude(self, tell: Callable[[str], None]) -> None:
        """Compare the answers; `tell` is told what may be meant so, and mostly is not.

        Raises:
            ModelLoadError: they depend on what else is in a batch.
        """
        first, *others = self._alone
        if all(np.abs(answer - first).max() <= _SAME for answer in others):
            tell("the model says the same of all pictures: a wrong scale of pixels is the commonest cause")
        if self._together is None:
            return
        difference = max(
            float(np.abs(answer - alone).max()) for answer, alone in zip(self._together, self._alone, strict=False)
        )
        if difference > _BROKEN:
            raise ModelLoadError(
                f"the model's answers depend on the other photos of a batch (by {difference:.2f}): something in the graph "
                "works along the first axis, the photos'; where that cannot be mended, say max_batch: 1 in the manifest"
            )
        if difference > _NOTICEABLE:
            tell(
                f"the model's answers depend a little on the other photos of a batch (by {difference:.2f}): "
                "max_batch: 1 in the manifest has each by itself"
            )
