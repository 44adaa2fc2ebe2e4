"""Formats by signature."""

import io
import subprocess
import sys

import pytest
from PIL import Image

from sightserve.imaging import decode  # noqa: F401 - registers HEIF with Pillow
from sightserve.imaging.formats import MEDIA_TYPES, SUFFIXES, is_photo_name, sniff, webp_canvas


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


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_photos_are_known_by_their_names_in_capitals_too(suffix):
    assert is_photo_name(f"IMG_1{suffix}")
    assert is_photo_name(f"holiday/2024/IMG_1{suffix.upper()}")


@pytest.mark.parametrize(
    "name", ["notes.txt", "jpg", ".jpg", "._IMG_1.jpg", "a/._IMG_1.jpg", ".DS_Store", "__MACOSX/a/IMG_1.jpg", "a.jpg/b"]
)
def test_other_files_and_what_macos_leaves_behind_are_no_photos(name):
    assert not is_photo_name(name)


def test_names_of_photos_are_known_without_loading_a_decoder():
    code = "import sys, sightserve.imaging.formats; print({'PIL', 'numpy'} & set(sys.modules))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout == "set()\n"
