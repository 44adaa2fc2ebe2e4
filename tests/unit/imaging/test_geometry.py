"""Which part of a photo becomes a picture of which size."""

import io

import pytest
from PIL import Image

from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import CentreCrop, FitWithin


def test_a_centre_crop_is_the_middle_of_the_longer_side():
    # 400 x 200: the largest 2:1 box's half, 200 x 100, begins a quarter in
    placement = CentreCrop(20, 10, 0.5).place(400, 200)

    assert placement.box == (100, 50, 200, 100)
    assert placement.size == (20, 10)
    assert placement.scale == 10


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4000, 3000), (1024, 768)),
        ((3000, 4000), (768, 1024)),
        ((640, 480), (640, 480)),  # never enlarged
        ((10_000, 3), (1024, 1)),  # 0.3 of a pixel is one
    ],
)
def test_a_whole_photo_is_made_smaller_in_its_own_shape(size, expected):
    placement = FitWithin(1024).place(*size)

    assert placement.size == expected
    assert placement.box == (0, 0, *size)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_preview_is_upright_and_whole_whichever_way_the_file_holds_it(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", (400, 100), "red").save(buffer, "JPEG", exif=exif.tobytes())

    decoded = Decoder(FitWithin(100), "bicubic", 1_000_000).decode(buffer.getvalue())

    assert decoded.image.size == ((100, 25) if orientation <= 4 else (25, 100))
    assert (decoded.width, decoded.height) == ((400, 100) if orientation <= 4 else (100, 400))
