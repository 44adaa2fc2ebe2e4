"""A frame as the model needs it, and the plate that is laid over it."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageFont

from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import CentreCrop, InputGeometry, Pad, ResizeThenCrop, Squash, Whole
from sightserve.video.worker import plate
from sightserve.video.worker.frames import Shrinker, reduced_size

MODEL = CentreCrop(224, 224, 0.875)
GEOMETRIES: list[InputGeometry] = [
    MODEL,
    Whole(256),
    Whole(224, widest=1.5),
    ResizeThenCrop(224, 224, 256),
    ResizeThenCrop(224, 224, (256, 256)),
    Squash(96, 224),
    Pad(224, 224),
]


# The sample cat's photo before it was cropped; its source and licence are in the samples' SOURCES.md.
WHOLE_CAT = Path(__file__).with_name("whole_cat.jpg")


def frame(width, height, photo=WHOLE_CAT):
    with Image.open(photo) as image:
        return av.VideoFrame.from_image(image.convert("RGB").resize((width, height))).reformat(format="yuv420p")


def size_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (641, 363), (3840, 2160), (257, 257), (4000, 256)])
def test_a_frame_is_cut_to_the_box_that_the_model_crops_from(size):
    # 224 pixels are 0.875 of 256
    assert size_of(Shrinker(MODEL).jpeg(frame(*size), None)) == (256, 256)


@pytest.mark.parametrize("size", [(200, 150), (256, 100), (16, 16)])
def test_a_small_frame_stays_as_it_is(size):
    assert size_of(Shrinker(MODEL).jpeg(frame(*size), None)) == size


def test_pixels_that_are_not_square_are_made_so():
    # 720 x 576 at 64:45 is 1024 x 576; small ones show it: 160 x 120 at 2:1 is 320 x 120, at 1:2 it is 160 x 240
    assert size_of(Shrinker(MODEL).jpeg(frame(160, 120), Fraction(2))) == (320, 120)
    assert size_of(Shrinker(MODEL).jpeg(frame(160, 120), Fraction(1, 2))) == (160, 240)
    assert size_of(Shrinker(MODEL).jpeg(frame(160, 120), Fraction(1, 1000))) == (160, 120)  # nonsense is ignored


def test_the_box_sits_in_the_middle_to_the_pixel():
    for size in [(1920, 1080), (1919, 1080), (641, 363), (1080, 1920)]:
        width, height, part = reduced_size(size, MODEL.enough(*size))
        assert part == (256, 256)
        assert min(width, height) == 256
        assert (width - 256) % 2 == (height - 256) % 2 == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_the_model_sees_what_it_would_have_seen_in_the_whole_frame(geometry, size):
    decoder = Decoder(geometry, "bicubic", 50_000_000)
    whole = frame(*size)
    buffer = io.BytesIO()
    Image.fromarray(whole.to_ndarray(format="rgb24")).save(buffer, "PNG")

    sent = decoder.decode(Shrinker(geometry).jpeg(whole, None)).pixels.astype(int)
    full = decoder.decode(buffer.getvalue()).pixels.astype(int)

    assert sent.shape == full.shape
    assert np.abs(sent - full).mean() < 2.0  # of 255: a JPEG's noise; half a pixel's shift gives more than 4


def test_the_plate_is_dark_where_it_is_and_nothing_elsewhere():
    grey = av.VideoFrame(320, 240, "yuv420p")
    for number, plane in enumerate(grey.planes):
        plane.update(bytes([180 if number == 0 else 128]) * plane.buffer_size)
    drawn = plate.draw("espresso", 0.87, (320, 240), hd=False)

    drawn.blend(grey)

    picture = grey.to_ndarray(format="rgb24").astype(int)
    height, width = drawn.keep[0].shape
    assert picture[drawn.top + 3 : drawn.top + height - 3, drawn.left + width // 2].min() < 80
    assert (picture[drawn.top + height + 2 :] > 180).all()
    assert (picture[:, drawn.left + width + 2 :] > 180).all()
    assert picture[drawn.top : drawn.top + height, drawn.left : drawn.left + width].max() > 220  # the letters


@pytest.mark.parametrize("size", [(16, 16), (32, 18), (64, 48), (130, 98), (640, 360), (3840, 2160), (240, 2000)])
@pytest.mark.parametrize(
    "label", ["cat", "a label that is far too long to fit on any plate " * 4, "x" * 300, "日本猫", ""]
)
def test_the_plate_fits_every_frame_and_every_label(size, label):
    drawn = plate.draw(label, 0.5, size, hd=True)
    black = av.VideoFrame(size[0], size[1], "yuv420p")

    drawn.blend(black)

    assert drawn.left + drawn.keep[0].shape[1] <= size[0]
    assert drawn.top + drawn.keep[0].shape[0] <= size[1]


def test_the_text_grows_with_the_picture_and_the_bar_with_the_probability():
    small, large = (plate.draw("cat", 0.5, size, hd=True) for size in ((640, 360), (1920, 1080)))

    assert large.keep[0].shape[0] == pytest.approx(3 * small.keep[0].shape[0], rel=0.1)


def test_a_label_whose_letters_no_font_has_is_told_from_one_that_can_be_drawn():
    own = ImageFont.load_default(20)

    assert plate.covers(own, "espresso & co")
    assert not plate.covers(own, "猫")
