"""Where a model looked, by covering parts of the photo: for models that cannot say it themselves."""

import numpy as np
import pytest

from sightserve.backend.slot.heat_map import grid_sides, occlusion


def looks_at(top, left, bottom, right):
    """A model for which class 1 is as probable as this part of the photo is bright."""

    def probabilities(pixels):
        bright = pixels[:, top:bottom, left:right].mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - bright, bright], axis=1).astype(np.float32)

    return probabilities


def test_the_part_that_the_answer_rests_on_is_the_hottest():
    white = np.full((90, 90, 3), 255, dtype=np.uint8)

    grid = occlusion(looks_at(60, 0, 90, 30), white, 1, 1.0, calls=9)

    # covering that part, a ninth of the photo, takes half of the brightness: 127 of 255
    assert grid.shape == (3, 3)
    assert grid[2, 0] == pytest.approx(0.5, abs=0.01)
    assert np.delete(grid.ravel(), 6) == pytest.approx(np.zeros(8))


@pytest.mark.parametrize(
    ("size", "calls", "expected"),
    [
        ((256, 256), 0, (3, 3)),  # nine are looked at however little time there is
        ((256, 256), 30, (5, 5)),
        ((256, 256), 10_000, (9, 9)),
        ((256, 512), 0, (3, 6)),
        ((512, 256), 50, (10, 5)),
    ],
)
def test_the_parts_are_as_fine_as_there_is_time_for(size, calls, expected):
    height, width = size
    assert grid_sides(height, width, calls) == expected


def test_every_pixel_is_covered_once():
    seen = np.zeros((50, 70), dtype=int)

    def probabilities(pixels):
        seen[:] += (pixels != 255).any(axis=3).sum(axis=0)
        return np.zeros((len(pixels), 1), dtype=np.float32)

    occlusion(probabilities, np.full((50, 70, 3), 255, dtype=np.uint8), 0, 0.0, calls=25)

    assert (seen == 1).all()
