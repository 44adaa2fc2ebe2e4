"""Data path: ranking -> [where the model looked] -> response. Two methods, which answer different questions.

Class activation says what each part of the photo added to the logit. Occlusion says how much less probable the class is when a
part cannot be seen. A part may add much and still not be missed, since others say the same.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Grid = NDArray[np.float32]

_FINEST: Final = 9  # parts a side, of a square photo
_COARSEST: Final = 3
_TOGETHER: Final = 8  # covered photos in one call
_GREY: Final = 127


def grid_sides(height: int, width: int, calls: float) -> tuple[int, int]:
    """Return into how many rows and columns a photo of these sides is divided, when so many calls may be made."""
    shorter, longer = sorted((height, width))
    few, many = _COARSEST, _COARSEST * longer / shorter
    for finer in range(_COARSEST, _FINEST + 1):
        if finer * round(finer * longer / shorter) <= calls:
            few, many = finer, finer * longer / shorter
    return (few, round(many)) if height <= width else (round(many), few)


def occlusion(
    probabilities: Callable[[Pixels], NDArray[np.float32]], pixels: Pixels, index: int, uncovered: float, calls: float
) -> Grid:
    """Return how much less probable a class is with each part of a photo covered, (rows, columns).

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014.

    Args:
        probabilities: the model: uint8 (N, height, width, 3) to (N, classes).
        pixels: of the photo, (height, width, 3).
        index: of the class.
        uncovered: its probability when nothing is covered.
        calls: as many photos as there is time for; at least nine are looked at.
    """
    height, width = pixels.shape[:2]
    rows, columns = grid_sides(height, width, calls)
    parts = [(row, column) for row in range(rows) for column in range(columns)]
    found = np.empty(len(parts), dtype=np.float32)
    for start in range(0, len(parts), _TOGETHER):
        some = parts[start : start + _TOGETHER]
        covered = np.repeat(pixels[None], len(some), axis=0)
        for photo, (row, column) in zip(covered, some, strict=True):
            top, bottom = row * height // rows, (row + 1) * height // rows
            left, right = column * width // columns, (column + 1) * width // columns
            photo[top:bottom, left:right] = _GREY
        found[start : start + len(some)] = probabilities(covered)[:, index]
    return (np.float32(uncovered) - found).reshape(rows, columns)


def as_answer(
    grid: NDArray[Any], method: str, index: int, label: str, box: tuple[float, float, float, float]
) -> dict[str, object]:
    """Return an `api.schema.HeatMap`.

    Args:
        grid: values, (rows, columns).
        method: `class_activation` or `occlusion`.
        index: of the class.
        label: of the class.
        box: left, top, width and height of the grid, in fractions of the photo's.
    """
    rows, columns = grid.shape
    return {
        "method": method,
        "index": index,
        "label": label,
        "rows": rows,
        "columns": columns,
        "values": [[round(float(value), 5) for value in row] for row in grid],
        "box": dict(zip(("left", "top", "width", "height"), (round(side, 5) for side in box), strict=True)),
    }
