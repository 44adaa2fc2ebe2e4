"""Whatever somebody has an image in arrives as the same picture."""

import io

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from sightserve.client.images import read_image

PIXELS = (np.arange(5 * 7 * 3, dtype=np.uint8) * 2).reshape(5, 7, 3)


def seen(data: bytes) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_every_kind_go_as_they_are(kind):
    assert read_image(kind(b"photo")) == (b"photo", None)


def test_a_pil_image_arrives_without_loss():
    data, name = read_image(PIL.Image.fromarray(PIXELS))

    assert (seen(data) == PIXELS).all()
    assert name is None


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "I", "F", "PA"]
)
def test_a_pil_image_of_every_mode_can_be_sent(mode):
    picture = PIL.Image.new(mode, (4, 3))

    data, _ = read_image(picture)

    assert PIL.Image.open(io.BytesIO(data)).size == (4, 3)


def test_a_pil_image_keeps_its_orientation_and_profile(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(PIXELS).save(tmp_path / "turned.jpg", exif=exif, icc_profile=profile)

    with PIL.Image.open(tmp_path / "turned.jpg") as opened:
        data, _ = read_image(opened)

    again = PIL.Image.open(io.BytesIO(data))
    assert again.getexif()[0x0112] == 6
    assert again.info["icc_profile"] == profile


@pytest.mark.parametrize(
    "array",
    [PIXELS, PIXELS / 255, (PIXELS / 255).astype(np.float32), PIXELS[::-1][::-1], np.asfortranarray(PIXELS)],
    ids=["bytes", "float64", "float32", "view", "fortran"],
)
def test_an_array_arrives_as_the_same_pixels(array):
    assert (seen(read_image(array)[0]) == PIXELS).all()


def test_what_numpy_takes_for_an_array_is_one():
    class Tensor:
        def __array__(self, *args, **kwargs):
            return PIXELS

    assert (seen(read_image(Tensor())[0]) == PIXELS).all()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1)])
def test_grey_arrays_and_masks(shape):
    grey = PIXELS[:, :, 0].reshape(shape)

    assert (seen(read_image(grey)[0])[:, :, 1] == grey.reshape(5, 7)).all()
    assert (seen(read_image(grey > 100)[0])[:, :, 1] == (grey.reshape(5, 7) > 100) * 255).all()


def test_sixteen_bits_stay_sixteen_bits():
    deep = (PIXELS[:, :, 0].astype(np.uint16) << 8) | 0x55

    assert (np.asarray(PIL.Image.open(io.BytesIO(read_image(deep)[0]))) == deep).all()


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (PIXELS.transpose(2, 0, 1), "shape"),
        (PIXELS[None], "shape"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
        (PIXELS.astype(np.float32), "from 0 to 1"),
        (np.full((2, 2), np.nan), "from 0 to 1"),
        (PIXELS.astype(np.int64), "int64"),
    ],
)
def test_an_array_that_can_mean_several_things_is_refused(array, what):
    with pytest.raises(ValueError, match=what):
        read_image(array)


def test_a_file_that_is_open_as_text_says_how_to_open_it(tmp_path):
    (tmp_path / "a.txt").write_text("a")

    with (tmp_path / "a.txt").open() as file, pytest.raises(TypeError, match="rb"):
        read_image(file)


@pytest.mark.parametrize("thing", [None, 3, ["a.jpg"], object()])
def test_anything_else_is_a_type_error(thing):
    with pytest.raises(TypeError, match="an image is"):
        read_image(thing)
