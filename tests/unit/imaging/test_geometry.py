"""Which part of a photo becomes a picture of which size."""

import io

import numpy as np
import pytest
from PIL import Image

from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import (
    CentreCrop,
    FitWithin,
    Pad,
    ResizeThenCrop,
    Squash,
    Whole,
    input_geometry,
)


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


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((400, 300), (352, 256)),  # 256 * 4 / 3 is 341.3: 352 is nearer than 320
        ((300, 400), (256, 352)),
        ((4000, 2250), (448, 256)),  # 455.1
        ((100, 100), (256, 256)),
        ((260, 256), (256, 256)),
        ((30, 20), (384, 256)),  # enlarged, as every network wants it
    ],
)
def test_a_whole_photo_keeps_its_shape_but_for_less_than_half_a_multiple(size, expected):
    placement = Whole(256).place(*size)

    assert placement.input_size == expected
    assert placement.box == (0, 0, *size)


def test_of_a_panorama_the_middle_is_kept():
    placement = Whole(256, widest=3).place(5000, 1000)

    assert placement.box == (1000, 0, 3000, 1000)
    assert placement.size == (768, 256)
    assert placement.part_of(5000, 1000) == pytest.approx((0.2, 0, 0.6, 1))


@pytest.mark.parametrize("widest", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (5000, 300), (1, 1000), (1000, 999)])
def test_what_was_made_of_a_photo_is_made_of_that_again(size, widest):
    geometry = Whole(224, widest=widest)
    made = geometry.place(*size).size

    again = geometry.place(*made)

    assert again.size == made
    assert again.box == (0, 0, *made)


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (640, 427), (333, 500), (301, 299), (200, 900)])
@pytest.mark.parametrize(("edge", "crop"), [(256, 224), (232, 224), (342, 300), (224, 224)])
def test_a_crop_is_where_torchvision_has_it_to_the_pixel(size, edge, crop):
    """Resize(edge), then CenterCrop(crop), as torchvision writes them, here with Pillow in its two steps."""
    photo = smooth(size)
    short, long = min(size), max(size)
    longer = int(edge * long / short)
    resized = photo.resize((edge, longer) if size[0] <= size[1] else (longer, edge), Image.Resampling.BICUBIC)
    left, top = round((resized.width - crop) / 2.0), round((resized.height - crop) / 2.0)
    expected = np.asarray(resized.crop((left, top, left + crop, top + crop)), dtype=int)

    found = Decoder(ResizeThenCrop(crop, crop, edge), "bicubic", 1_000_000).decode(png(photo)).pixels.astype(int)

    # rounding between two passes; a shift by half a pixel makes several times as much
    assert np.abs(found - expected).mean() < 0.5


@pytest.mark.parametrize(("size", "left"), [((375, 256), (60, 59)), ((377, 256), (60, 60)), ((372, 256), (58, 58))])
def test_an_offset_between_two_pixels_is_rounded_as_the_framework_does(size, left):
    """(375 - 256) / 2 is 59.5: to the even 60 in torchvision, down to 59 in transformers; (377 - 256) / 2 is 60.5."""
    found = tuple(
        round(ResizeThenCrop(256, 256, 256, way).place(*size).box[0]) for way in ("torchvision", "transformers")
    )

    assert found == left


def test_a_crop_that_is_larger_than_what_was_resized_has_black_beside_it_as_torchvision_has():
    placement = ResizeThenCrop(300, 300, 200).place(400, 400)

    assert placement.size == (200, 200)
    assert placement.padding == ((300, 300), (50, 50), (0, 0, 0))


def test_squashing_takes_all_of_the_photo_whatever_its_shape():
    assert Squash(64, 32).place(500, 100)[:3] == ((0, 0, 500, 100), (64, 32), None)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("centred", [True, False])
def test_padding_lies_beside_the_upright_photo_whichever_way_the_file_holds_it(orientation, centred):
    exif = Image.Exif()
    exif[0x0112] = orientation
    size = (400, 100) if orientation <= 4 else (100, 400)  # as it is stored: upright, it is 400 x 100
    buffer = io.BytesIO()
    Image.new("RGB", size, "white").save(buffer, "PNG", exif=exif.tobytes())

    decoded = Decoder(Pad(80, 80, (10, 200, 30), centred), "bilinear", 1_000_000).decode(buffer.getvalue()).pixels

    # 400 x 100 becomes 80 x 20
    top = 30 if centred else 0
    assert decoded.shape == (80, 80, 3)
    assert (decoded[top : top + 20] > 250).all()
    rest = np.concatenate([decoded[:top], decoded[top + 20 :]])
    assert (rest == (10, 200, 30)).all()


def test_a_part_of_a_padded_input_lies_beyond_the_photo():
    # 400 x 200 fits into 100 x 100 as 100 x 50, with 25 above and below: half of its height each
    assert Pad(100, 100).place(400, 200).part_of(400, 200) == pytest.approx((0, -0.5, 1, 2))


def test_a_way_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="guess"):
        input_geometry({"fit": "guess"})


def smooth(size: tuple[int, int]) -> Image.Image:
    """Blobs a few pixels wide, which show every shift."""
    random = np.random.default_rng(5)
    small = random.integers(0, 256, (size[1] // 6, size[0] // 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (640, 480), (257, 1000), (256, 256)])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_an_exact_crop_is_that_of_two_steps_in_pillow_bit_for_bit(size, orientation):
    """Resize(256) and CenterCrop(224) on the upright photo, whichever way the file holds it."""
    upright = smooth(size)
    turned = {
        1: upright,
        6: upright.transpose(Image.Transpose.ROTATE_90),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    turned[orientation].save(buffer, "PNG", exif=exif.tobytes())
    across, down = (256, int(256 * size[1] / size[0])) if size[0] <= size[1] else (int(256 * size[0] / size[1]), 256)
    resized = upright.resize((across, down), Image.Resampling.BILINEAR)
    left, top = round((across - 224) / 2), round((down - 224) / 2)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), dtype=int)

    decoder = Decoder(ResizeThenCrop(224, 224, 256), "bilinear", 1_000_000, exact=True)
    found = decoder.decode(buffer.getvalue()).pixels.astype(int)

    assert (found == expected).all()


def test_an_exact_crop_of_a_very_long_photo_makes_no_large_picture():
    photo = Image.new("RGB", (20_000, 20), "red")

    found = Decoder(ResizeThenCrop(224, 224, 256), "bilinear", 1_000_000, exact=True).decode(png(photo)).image

    assert found.size == (224, 224)
    assert found.getpixel((100, 100)) == (255, 0, 0)


def test_without_antialiasing_a_pixel_is_between_the_four_nearest():
    """Every other column is white: a mean over all is grey, the middle of four columns is between two of them."""
    stripes = Image.fromarray(np.tile(np.array([0, 255, 0, 0], dtype=np.uint8), (8, 8))[:, :, None].repeat(3, axis=2))

    decoder = Decoder(Squash(8, 8), "bilinear", 1_000_000, antialias=False)

    # columns 1.5 of each four: half of the white one, half of the black one beside it
    assert set(decoder.decode(png(stripes)).pixels.ravel().tolist()) <= {127, 128}
