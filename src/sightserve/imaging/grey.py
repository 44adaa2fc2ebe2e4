"""Grey of more than 8 bits -> [which values are black, white, or none at all] -> 8-bit grey.

It happens before anything is averaged: a value that stands for none must not touch its neighbours. Shapes are (height, width).
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sightserve.imaging.errors import UnreadableImage

_FAR: Final = 2  # times what lies between all the others
_SAMPLED: Final = 997  # one pixel of so many is looked at first
_BLOCK: Final = 2**18  # pixels that are worked on together
_EXACT: Final = 2**24  # up to which float32 holds every whole number


def known_range(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return unsigned samples of up to 16 bits, whose whole range runs from black to white."""
    shown: NDArray[np.uint8] = _table(bits)[values]
    return shown


def spread(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """Return samples without a known range, from the lowest as black to the highest as white.

    A value far from all others, a mark for "nothing" that no tag names or a single hot pixel, does not count. What plainly uses
    its type is left as it is: whole numbers over more than half of their range, floating-point from 0 to 1.

    Args:
        values: int32, uint32 or float32.
        valid: False where there is none; None where all are. The result has any value there.

    Raises:
        UnreadableImage: no pixel has a value.
    """
    low, high = _range(values, valid)
    grey = np.empty(values.shape, np.uint8)
    if high <= low:
        grey.fill(128)
        return grey
    exact = values.dtype.kind == "f" or max(abs(low), abs(high)) <= _EXACT
    rows = max(1, _BLOCK // values.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        for at in range(0, len(values), rows):
            part: NDArray[Any] = values[at : at + rows].clip(low, high).astype(np.float32 if exact else np.float64)
            part -= low
            part *= 255 / (high - low)
            part += 0.5
            grey[at : at + rows] = part.astype(np.uint8)
    return grey


def sample(value: float, dtype: str) -> Any:  # noqa: ANN401 - a NumPy scalar of that type
    """Return a text's number as a sample holds it: -3.4028234663852886e+38 and 0.1 are rounded to 32 bits."""
    if dtype == "float32":
        with np.errstate(over="ignore"):
            return np.float32(value)
    whole = np.iinfo(dtype)
    if not np.isfinite(value):
        return np.dtype(dtype).type(whole.max)
    return np.dtype(dtype).type(int(min(max(value, float(whole.min)), float(whole.max))))


@lru_cache(maxsize=4)
def _table(bits: int) -> NDArray[np.uint8]:
    most = 2**bits - 1
    table: NDArray[np.uint8] = ((np.arange(2**16).clip(0, most) * 255 + most // 2) // most).astype(np.uint8)
    return table


def _range(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> tuple[Any, Any]:
    """Return which values become black and white, as they are in `values`."""
    limits: Any = (np.finfo if values.dtype.kind == "f" else np.iinfo)(values.dtype)
    everywhere = True if valid is None else valid
    lowest = values.min() if valid is None else values.min(where=valid, initial=limits.max)
    highest = values.max() if valid is None else values.max(where=valid, initial=limits.min)
    if valid is not None and not valid.any():
        raise UnreadableImage("the image has no finite pixel value")
    low, high = float(lowest), float(highest)
    few = values.ravel()[::_SAMPLED].astype(np.float64)
    between = (few > low + (high - low) / (_FAR + 1)) & (few < high - (high - low) / (_FAR + 1))
    if not between.any():  # else nothing can be far from all the others
        second = float(values.min(where=everywhere & (values > lowest), initial=highest))
        before = float(values.max(where=everywhere & (values < highest), initial=lowest))
        if second - low > _FAR * (high - second) > 0:
            low = second
        elif high - before > _FAR * (before - low) > 0:
            high = before
    if values.dtype.kind == "f":
        return (0.0, 1.0) if low >= 0 and 0.5 < high <= 1 else (low, high)  # noqa: PLR2004
    if high - low > (float(limits.max) - float(limits.min)) / 2:
        return int(limits.min), int(limits.max)
    return int(low), int(high)
