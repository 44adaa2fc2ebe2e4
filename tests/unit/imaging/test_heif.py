"""Photos as phones store them: tiles, and a thumbnail that is taken for the picture where nothing is lost by it."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from tests.heic import phone_photo

from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import ImageError
from sightserve.imaging.geometry import CentreCrop
from sightserve.imaging.isobmff import is_whole, items

SMALL = CentreCrop(64, 64)
SIZE = (1024, 512)


def halves(size: tuple[int, int], left: str, right: str) -> Image.Image:
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


# the two differ, which no phone's do, so that a test sees which one was taken
PICTURE, THUMBNAIL = halves(SIZE, "red", "maroon"), halves((256, 128), "blue", "navy")


@pytest.fixture(scope="module")
def photo() -> bytes:
    return phone_photo(PICTURE, thumbnail=THUMBNAIL)


def decoder(geometry: CentreCrop = SMALL) -> Decoder:
    return Decoder(geometry, "bicubic", 50_000_000)


def taken(data: bytes, geometry: CentreCrop = SMALL) -> str:
    red, _, blue = decoder(geometry).decode(data).pixels.mean((0, 1))
    return "picture" if red > blue else "thumbnail"


def test_a_thumbnail_with_more_pixels_than_are_asked_for_is_taken_for_the_picture(photo):
    assert taken(photo) == "thumbnail"
    assert taken(photo, CentreCrop(92, 92)) == "picture"  # 128 pixels are 1.39 times as many


def test_the_size_is_that_of_the_picture(photo):
    decoded = decoder().decode(photo)

    assert (decoded.width, decoded.height, decoded.format) == (*SIZE, "HEIF")


def test_both_are_turned_as_the_file_says():
    decoded = decoder(CentreCrop(32, 64)).decode(phone_photo(PICTURE, thumbnail=THUMBNAIL, quarter_turns=1))

    assert (decoded.width, decoded.height) == SIZE[::-1]
    top, bottom = decoded.pixels[8, 16], decoded.pixels[56, 16]
    assert top[2] < 160 < bottom[2]  # anticlockwise: the right half, in navy, is on top


@pytest.mark.parametrize(
    "different",
    [
        {"thumbnail": THUMBNAIL.resize((256, 192))},
        {"thumbnail": THUMBNAIL, "quarter_turns": 2, "thumbnail_turns": 0},
        {"thumbnail": THUMBNAIL, "profile": b"Display P3", "thumbnail_profile": b"Adobe RGB"},
    ],
    ids=["of another shape", "turned another way", "of other colours"],
)
def test_a_thumbnail_that_is_not_the_same_picture_is_not_taken(different):
    assert taken(phone_photo(PICTURE, **different)) == "picture"


def test_of_a_file_that_is_cut_off_no_thumbnail_is_taken(photo):
    assert taken(photo[:-1]) == "picture"
    with pytest.raises(ImageError):
        decoder().decode(photo[: len(photo) // 2])


def test_of_many_thumbnails_few_are_looked_at(monkeypatch):
    """Each costs a copy of the file. Nothing is said of how the picture looks, so that all of them look like it."""
    picture = PICTURE.resize((2048, 1024))
    photo = phone_photo(picture, thumbnail=THUMBNAIL, tiles_are_thumbnails=True).replace(b"irot", b"skip")
    found = items(photo)
    assert found
    assert len(found.thumbnails) == 9
    opened, there = [], Image.open

    def counted(*args: object, **more: object) -> object:
        opened.append(args)
        return there(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", counted)
    assert taken(photo) == "thumbnail"

    assert len(opened) == 3  # the picture, and two


def test_the_colours_of_a_thumbnail_are_those_of_the_picture():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert taken(phone_photo(PICTURE, thumbnail=THUMBNAIL, profile=profile)) == "thumbnail"


def test_more_threads_decode_the_same_picture(photo):
    large = decoder(CentreCrop(512, 512))

    assert large.decode(photo, threads=4).image.tobytes() == large.decode(photo).image.tobytes()


def test_the_file_that_the_tests_write_is_read_as_one_of_many_tiles(photo):
    found = items(photo)

    assert found
    assert (found.primary, list(found.thumbnails), is_whole(photo)) == (1, [2], True)
    assert [kind for kind, _ in found.properties(1)] == [b"ispe", b"irot"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_boxes_say_it_is_a_picture_or_an_error(photo, data):
    changed = bytearray(photo)
    end = photo.index(b"mdat")
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, end))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ImageError):
        decoder().decode(bytes(changed))
