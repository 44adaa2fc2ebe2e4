"""A photo with its heat map: warm where the map is high, and in the right place."""

import io

import numpy as np
import pytest
from PIL import Image

from sightserve.imaging.errors import UnsupportedImageType
from sightserve.imaging.overlay import overlaid


def photo(width: int = 400, height: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(buffer, "PNG")
    return buffer.getvalue()


def warmth(picture):
    with Image.open(io.BytesIO(picture)) as image:
        pixels = np.asarray(image, dtype=int)
    return pixels[:, :, 0] - pixels[:, :, 2]


def test_the_warm_part_is_the_part_with_the_highest_value():
    warm = warmth(overlaid(photo(), [[0, 0, 0, 0], [0, 0, 0, 1.0]], (0, 0, 1, 1), 1_000_000))

    assert warm.shape == (200, 400)
    assert warm[150:, 300:].mean() > 60
    assert warm[:100, :200].max() < 5


def test_a_map_of_a_part_of_the_photo_lies_there():
    """Of a panorama the middle: left and right of it nothing is warm."""
    warm = warmth(overlaid(photo(), [[1.0, 1.0]], (0.25, 0, 0.5, 1), 1_000_000))

    assert warm[:, :98].max() == warm[:, 302:].max() == 0
    assert warm[:, 110:290].min() > 60


def test_a_map_that_reaches_beyond_the_photo_is_cut_off():
    warm = warmth(overlaid(photo(), [[0.0], [1.0], [0.0]], (0, -1, 1, 3), 1_000_000))

    assert warm.shape == (200, 400)
    assert warm.min() > 40


@pytest.mark.parametrize("values", [[[0.0, 0.0]], [[-1.0, -2.0]]])
def test_where_nothing_speaks_for_the_label_nothing_is_warm(values):
    assert warmth(overlaid(photo(), values, (0, 0, 1, 1), 1_000_000)).max() == 0


def test_what_is_no_photo_is_an_error():
    with pytest.raises(UnsupportedImageType):
        overlaid(b"no photo", [[1.0]], (0, 0, 1, 1), 1_000_000)
