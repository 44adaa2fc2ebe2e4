"""Where a JPEG ends: whole is whole whatever its last bytes are, and a part is never answered as if it were whole."""

import io
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import ImageError, UnreadableImage, UnsupportedImageType
from sightserve.imaging.geometry import CentreCrop, FitWithin
from sightserve.imaging.jpeg import keeps_coefficients

AS_IT_IS = Decoder(FitWithin(1024), "bicubic", max_pixels=10_000_000)
REDUCED = Decoder(CentreCrop(40, 40), "bicubic", max_pixels=10_000_000)
END = b"\xff\xd9"
KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "baseline with restarts": {"restart_marker_rows": 1},
    "baseline with many restarts": {"restart_marker_blocks": 1},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 3},
    "without subsampling": {"subsampling": 0, "optimize": True},
}
MODES = ["RGB", "L", "CMYK"]


def photo(kind: str, mode: str = "RGB") -> bytes:
    """Noise on a slope, to its last corner: no part of it is like what libjpeg fills in."""
    chance = np.random.default_rng(3)
    slope = np.linspace(0, 150, 330)[None, :, None] + np.zeros((250, 1, 3))
    pixels = (slope + chance.integers(0, 100, slope.shape)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", quality=80, **KINDS[kind])
    return buffer.getvalue()


def first_scan(data: bytes) -> int:
    at = data.index(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoder", [AS_IT_IS, REDUCED], ids=["in full", "reduced"])
def test_a_whole_picture_is_the_same_whatever_follows_it(kind, mode, decoder):
    data = photo(kind, mode)
    right = decoder.decode(data).pixels
    body = data[: -len(END)]
    other = photo("baseline")
    scans = END + b"ftypmp42" + b"\xff\xda\xff\xc4" * 500  # a video's bytes look like scans

    for tail in (
        b"",
        END[:1],
        b"\0" * 100,
        END + b"junk" * 99,
        END + other,
        b"SEFT" * 9 + END,
        scans,
        END + other[:900],
        END * 3,
    ):
        assert (decoder.decode(body + tail).pixels == right).all(), tail[:10]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_is_refused_whatever_follows_it(kind, mode):
    data = photo(kind, mode)
    chance = random.Random(0)
    start = first_scan(data)
    # libjpeg reads eight bytes ahead: a picture that lacks no more than those is as good as whole
    cuts = [chance.randrange(start, len(data) - 24) for _ in range(40)]

    for cut in cuts:
        for tail in (b"", END, END + b"junk" * 99, END + data, END + b"junk" + END, b"\0" * 4 + END):
            with pytest.raises(UnreadableImage):
                AS_IT_IS.decode(data[:cut] + tail)


@pytest.mark.parametrize("scans", [1, 3, 6, 9])
def test_a_progressive_picture_that_lacks_whole_scans_is_refused(scans):
    data = photo("progressive")
    cuts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]

    with pytest.raises(UnreadableImage, match="incomplete"):
        AS_IT_IS.decode(data[: cuts[scans]] + END)


def test_the_same_cut_is_noticed_in_a_picture_that_is_decoded_reduced():
    data = photo("baseline")

    with pytest.raises(UnreadableImage):
        REDUCED.decode(data[: len(data) // 2] + END)


def test_a_plain_grey_picture_is_whole():
    """What libjpeg fills in is grey too."""
    buffer = io.BytesIO()
    Image.new("RGB", (333, 222), (128, 128, 128)).save(buffer, "JPEG")

    assert (AS_IT_IS.decode(buffer.getvalue()).pixels == 128).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 1), (1, 9), (17, 33)])
@pytest.mark.parametrize("kind", KINDS)
def test_small_pictures_are_whole(size, kind):
    buffer = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(buffer, "JPEG", **KINDS[kind])

    assert np.abs(AS_IT_IS.decode(buffer.getvalue()).pixels.astype(int) - (10, 200, 30)).max() <= 6


def test_scans_beyond_the_picture_are_not_counted():
    data = photo("progressive")
    right = AS_IT_IS.decode(data).pixels

    assert (AS_IT_IS.decode(data + b"\xff\xda" * 1000).pixels == right).all()


def test_more_scans_than_any_encoder_writes_are_refused():
    data = photo("progressive")
    at = data.index(b"\xff\xda")
    one = data[at : data.index(b"\xff\xda", at + 2)]

    with pytest.raises(UnreadableImage, match="100 scans"):
        AS_IT_IS.decode(data[:at] + one * 101 + data[at:])


@pytest.mark.parametrize(("marker", "precision"), [(0xC3, 8), (0xC1, 12), (0xF7, 8)])
def test_kinds_of_jpeg_that_are_not_decoded_are_refused_by_name(marker, precision):
    data = bytearray(photo("baseline"))
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, precision

    with pytest.raises(UnsupportedImageType, match="JPEG"):
        AS_IT_IS.decode(bytes(data))


@pytest.mark.parametrize("kind", KINDS)
def test_any_damage_is_a_picture_or_a_named_error(kind):
    chance = random.Random(1)
    for _ in range(150):
        data = bytearray(photo(kind)[:6000] if chance.random() < 0.3 else photo(kind))
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(2, len(data))] = chance.choice([0, 0xFF, 0xDA, 0xD9, 0xC4, chance.randrange(256)])
        try:
            AS_IT_IS.decode(bytes(data))
        except ImageError:
            continue


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_picture_in_several_scans_is_kept_whole_by_its_decoder(mode):
    """A scan that brings fewer components than there are says so; the others need not follow for that."""
    assert not keeps_coefficients(photo("baseline", mode))
    assert keeps_coefficients(photo("progressive", mode))
    if mode != "L":
        several = bytearray(photo("baseline", mode))
        several[several.index(b"\xff\xda") + 4] = 1
        assert keeps_coefficients(bytes(several))


@pytest.mark.parametrize("cut", [2, 3, 20, 200])
def test_a_header_that_is_cut_off_keeps_nothing(cut):
    assert not keeps_coefficients(photo("baseline")[:cut])
