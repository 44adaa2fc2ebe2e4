"""Formats by signature."""

import io

import pytest
from PIL import Image

from sightserve.imaging import decode  # noqa: F401 - registers HEIF with Pillow
from sightserve.imaging.formats import MEDIA_TYPES, sniff, webp_canvas


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_every_supported_format_is_known_by_its_first_bytes(name):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, name)

    assert sniff(buffer.getvalue()) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"%PDF-1.7",
        b"<svg xmlns=",
        b"PK\x03\x04",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\x00\x00\x00\x18ftypmp42",
    ],
)
def test_anything_else_is_not_an_image(data):
    assert sniff(data) is None


def test_a_generic_heif_brand_with_an_avif_among_the_compatible_ones_is_avif():
    box = (24).to_bytes(4, "big") + b"ftypmif1\x00\x00\x00\x00miafavif"

    assert sniff(box) == "AVIF"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00"}])
def test_a_webp_tells_its_canvas_in_each_of_its_three_layouts(options):
    buffer = io.BytesIO()
    Image.new("RGB", (321, 123)).save(buffer, "WEBP", **options)

    assert webp_canvas(buffer.getvalue()) == (321, 123)


def test_a_damaged_webp_header_has_no_canvas():
    assert webp_canvas(b"RIFF\x00\x00\x00\x00WEBPVP8X") is None
    assert webp_canvas(b"RIFF\x00\x00\x00\x00WEBPABCD" + bytes(20)) is None
