"""Crop and resize in one call: the same picture from both libraries, whatever the box."""

import numpy as np
import pytest
from PIL import Image

from sightserve.imaging import resize
from sightserve.imaging.resize import crop_and_resize

CROP = 0.875


def box_of(image: Image.Image) -> tuple[float, float, float, float]:
    side = CROP * min(image.size)
    return (image.width - side) / 2, (image.height - side) / 2, side, side


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """Textures, edges and noise, up- and downscaled; drawn here, since real photos may be absent."""
    random = np.random.default_rng(1)
    sizes = [(500, 375), (375, 500), (240, 160), (97, 301), (1200, 900)]
    noise = [Image.fromarray(random.integers(0, 256, (h // 8, w // 8, 3), dtype=np.uint8)) for w, h in sizes]
    return [small.resize(size, Image.Resampling.BICUBIC) for small, size in zip(noise, sizes, strict=True)]


@pytest.mark.skipif(
    not resize._FAST, reason="no wheel of cykooz.resizer for this platform: there is nothing to compare"
)
@pytest.mark.parametrize("interpolation", sorted(resize._FAST))
@pytest.mark.parametrize("mode", sorted(resize._FAST_MODES))
def test_both_libraries_make_the_same_picture(photos, interpolation, mode, monkeypatch):
    """Another order of passes rounds otherwise: by more than 2 only where a value was cut off at black or white."""
    for photo in photos:
        image = photo.convert(mode)
        fast = np.asarray(crop_and_resize(image, box_of(image), (224, 192), interpolation), dtype=int)
        with monkeypatch.context() as patched:
            patched.setattr(resize, "_FAST", {})
            slow = np.asarray(crop_and_resize(image, box_of(image), (224, 192), interpolation), dtype=int)
        difference = np.abs(fast - slow)
        assert difference.mean() < 0.5
        assert (difference > 2).mean() < 0.005


@pytest.mark.parametrize("interpolation", ["nearest", "hamming", "bicubic"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16", "I", "F", "L"])
def test_the_result_keeps_the_mode(mode, interpolation):
    source = Image.new("L", (300, 200), 100)
    image = Image.new(mode, (300, 200)) if mode == "I;16" else source.convert(mode)

    result = crop_and_resize(image, (50, 0, 200, 200), (64, 64), interpolation)

    assert (result.mode, result.size) == (mode, (64, 64))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_one_colour_stays_that_colour_however_few_the_pixels(size):
    image = Image.new("RGB", size, (9, 99, 200))

    assert crop_and_resize(image, box_of(image), (224, 224), "bicubic").getextrema() == ((9, 9), (99, 99), (200, 200))


@pytest.mark.parametrize("excess", [1e-13, -1e-13])
def test_a_box_that_floating_point_carried_beyond_the_image_is_the_whole_image(excess):
    image = Image.new("RGB", (300, 200), (9, 99, 200))

    result = crop_and_resize(image, (-excess, -excess, 300 + 2 * excess, 200 + 2 * excess), (30, 20), "bicubic")

    assert result.getextrema() == ((9, 9), (99, 99), (200, 200))
