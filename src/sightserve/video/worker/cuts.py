"""Frames -> [where the picture changes at once]: every frame is looked at, a few hundred points of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

_SIZE: Final = (64, 36)  # points across and down
# Cuts between photos change a point by 57 to 109 of 255 on average, a slow zoom by 1.5 at most (samples/tour.mp4). What is
# less is an encoder's noise, and what stands out less among its neighbours is motion, or one picture that fades into another.
_LEAST: Final = 4.0
_STANDS_OUT: Final = 2.5  # times as much as any other between the same two moments


@dataclass(slots=True)
class Cuts:
    """Compares each frame with the one before it, and says where a cut lies between two moments.

    Points are picked, not averaged: that takes 0.03 ms of a frame of 1080p instead of 0.3.
    """

    _scaler: VideoReformatter = field(init=False, default_factory=VideoReformatter)
    _before: NDArray[np.int16] | None = field(init=False, default=None)
    _changes: list[tuple[float, float]] = field(init=False, default_factory=list)

    def see(self, time: float, frame: av.VideoFrame) -> None:
        """Take note of the next frame."""
        points = self._scaler.reformat(frame, *_SIZE, "rgb24", interpolation=Interpolation.POINT, threads=1)
        now = points.to_ndarray().astype(np.int16)
        if self._before is not None:
            self._changes.append((time, float(np.abs(now - self._before).mean())))
        self._before = now

    def until(self, moment: float) -> float | None:
        """Return when the picture was cut since the last time this was asked, seconds; frames after the moment wait."""
        count = next((n for n, (time, _) in enumerate(self._changes) if time > moment + 1e-6), len(self._changes))
        changes, self._changes = self._changes[:count], self._changes[count:]
        return cut(changes)


def cut(changes: Sequence[tuple[float, float]]) -> float | None:
    """Return when the picture changes at once, or None where it does not, or more than once.

    Args:
        changes: of each frame between two moments, when it begins and by how much it differs from the one before, 0 to 255.
    """
    if not changes:
        return None
    time, most = max(changes, key=lambda change: change[1])
    others = [change for at, change in changes if at != time]
    return time if most >= max(_LEAST, _STANDS_OUT * max(others, default=0.0)) else None
