"""Photos as a browser can show them."""

import io

import pillow_heif
import pytest
from PIL import Image

from sightserve.frontend.shared.preview import Pictures, Unseen, pictures

pillow_heif.register_heif_opener()  # the tests write such files; the app reads them elsewhere


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def shown(photo: bytes, longest_side: int = 1024) -> Pictures:
    found = pictures(photo, longest_side)
    assert isinstance(found, Pictures), found
    return found


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_format_becomes_a_jpeg_of_bounded_size(name):
    found = shown(encoded(Image.new("RGB", (600, 300), "teal"), name), longest_side=200)

    with Image.open(io.BytesIO(found.preview)) as image:
        assert (image.format, image.size) == ("JPEG", (200, 100))
    assert (found.width, found.height) == (200, 100)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photo_is_turned_once_whatever_the_format(name):
    """Pillow turns TIFFs itself: whoever turns them again shows another picture than the model sees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.new("RGB", (60, 30), "red")
    photo.paste("blue", (0, 0, 30, 30))  # the left half, which is the upper one once it is upright

    found = shown(encoded(photo, name, exif=exif.tobytes()))

    with Image.open(io.BytesIO(found.preview)) as image:
        assert image.size == (30, 60)
        top, bottom = image.getpixel((15, 5)), image.getpixel((15, 55))
        assert isinstance(top, tuple)
        assert isinstance(bottom, tuple)
        assert top[2] > 200 > bottom[2]


@pytest.mark.parametrize("mode", ["P", "L", "LA", "RGBA", "1", "I;16", "CMYK"])
def test_every_colour_mode_can_be_shown(mode):
    name = "TIFF" if mode == "CMYK" else "PNG"

    assert shown(encoded(Image.new(mode, (8, 8)), name))


@pytest.mark.parametrize(
    "data", [b"", b"no image", b"\xff\xd8\xff\xe0 cut", encoded(Image.new("1", (20_000, 20_000)), "PNG")]
)
def test_what_cannot_be_shown_says_so_and_is_no_error(data):
    found = pictures(data)

    assert isinstance(found, Unseen)
    assert found.lasting
