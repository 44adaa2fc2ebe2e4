"""Photos as a browser can show them."""

import io

import pytest
from PIL import Image

from sightserve.frontend.preview import preview


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_format_becomes_a_jpeg_of_bounded_size(name):
    shown = preview(encoded(Image.new("RGB", (600, 300), "teal"), name), longest_side=200)

    assert shown is not None
    with Image.open(io.BytesIO(shown)) as image:
        assert (image.format, image.size) == ("JPEG", (200, 100))


def test_a_photo_is_shown_upright():
    exif = Image.Exif()
    exif[0x0112] = 6

    shown = preview(encoded(Image.new("RGB", (60, 30)), "JPEG", exif=exif.tobytes()))

    assert shown is not None
    with Image.open(io.BytesIO(shown)) as image:
        assert image.size == (30, 60)


@pytest.mark.parametrize("mode", ["P", "L", "LA", "RGBA", "1", "I;16", "CMYK"])
def test_every_colour_mode_can_be_shown(mode):
    name = "TIFF" if mode == "CMYK" else "PNG"

    assert preview(encoded(Image.new(mode, (8, 8)), name))


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe0 cut"])
def test_what_cannot_be_shown_is_none_not_an_error(data):
    assert preview(data) is None


def test_a_pixel_bomb_is_not_shown():
    assert preview(encoded(Image.new("1", (20_000, 20_000)), "PNG")) is None
