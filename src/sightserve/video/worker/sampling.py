"""Which frame is on screen at which moment: pure, and right for any spacing of frames."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

Frame = TypeVar("Frame")


class Sample(NamedTuple):
    """A moment, and whether its frame is another than at the moment before."""

    time: float
    fresh: bool


def on_screen(
    frames: Iterable[tuple[float, float, Frame]], rate: float, until: Callable[[], float] = lambda: 0.0
) -> Iterator[tuple[Sample, Frame]]:
    """Yield the frame that a player shows at each moment: at the first frame, and at every multiple of 1/rate after it.

    A frame that stays on screen over several moments comes again with `fresh` false: what is known of it still holds. Where
    frames come more slowly than moments, as in recordings of a screen, none is missed; a frame between two moments is.

    Args:
        frames: each with its time and how long it is shown, in seconds, in the order in which they are shown.
        rate: moments a second.
        until: asked once there are no more frames: when the last one goes at last, where that is later than it says itself.
    """
    shown: Frame | None = None
    fresh, ends, moment, number = False, 0.0, 0.0, 0
    for time, seconds, frame in frames:
        if shown is None:
            moment = max(0.0, time)
            # a moment that nearly falls on the first frame would ask for the same frame again
            number = math.floor(moment * rate + 1e-6)
        else:
            while moment < time - 1e-6:
                yield Sample(moment, fresh), shown
                fresh, number = False, number + 1
                moment = number / rate
        shown, fresh, ends = frame, True, time + seconds
    ends = max(ends, until()) if shown is not None else ends
    while shown is not None and moment < ends - 1e-6:
        yield Sample(moment, fresh), shown
        fresh, number = False, number + 1
        moment = number / rate
