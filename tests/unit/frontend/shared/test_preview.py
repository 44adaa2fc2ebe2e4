"""Photos as a browser can show them."""

import io

import pytest
from PIL import Image

from sightserve.frontend.shared.preview import pictures, preview


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


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}])
def test_a_webp_whose_header_asks_for_gigabytes_is_not_opened(options, monkeypatch):
    """Pillow allocates a WebP's canvas when it opens the file."""
    data = bytearray(encoded(Image.new("RGB", (64, 64)), "WEBP", **options))
    match bytes(data[12:16]):
        case b"VP8X":
            data[24:30] = b"\xff\x3f\x00\xff\x3f\x00"
        case b"VP8L":
            data[21:25] = b"\xff\xff\xff\x0f"
        case _:
            data[26:30] = b"\xff\x3f\xff\x3f"
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))

    assert preview(bytes(data)) is None


def test_both_sizes_come_from_one_decode_and_carry_no_place():
    exif = Image.Exif()
    exif[0x010F] = "a camera"

    both = pictures(encoded(Image.new("RGB", (2000, 1000), "teal"), "JPEG", exif=exif.tobytes()))

    assert both is not None
    assert (both.width, both.height) == (1024, 512)
    with Image.open(io.BytesIO(both.thumbnail)) as image:
        assert image.size == (72, 36)
        assert not image.getexif()
