"""Hostile bytes straight into the decoder: an error with a name or a picture, in a bounded time."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hostile import bombs, corpus

from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import ImageError, TooManyPixels, UnreadableImage, UnsupportedImageType
from sightserve.imaging.geometry import CentreCrop

DECODER = Decoder(CentreCrop(224, 224, 0.875), "bicubic", max_pixels=50_000_000)
# Bomb -> how it is refused. What is not here is decoded: it is honest, or its lie costs nothing.
REFUSED = {
    bombs.jpeg_progressive_scans: (UnreadableImage, "100 scans"),  # 54 seconds
    bombs.jpeg_markers_in_the_scan: (UnreadableImage, "segments"),
    bombs.jpeg_many_segments: (UnreadableImage, "segments"),  # 5 seconds, 650 MB
    bombs.jpeg_junk_before_a_marker: (UnreadableImage, "nothing where its next segment"),
    bombs.png_many_chunks: (UnreadableImage, "chunks"),  # 3 seconds
    bombs.png_many_data_chunks: (UnreadableImage, "chunks"),
    bombs.gif_comments: (UnreadableImage, "blocks"),  # 420 MB
    bombs.gif_junk: (UnreadableImage, "nothing where its picture"),
    bombs.tiff_giant_tile: (UnreadableImage, "larger than the picture"),  # 860 MB
    bombs.tiff_overlapping_tags: (UnreadableImage, "share"),  # 5 seconds, 1.5 GB
    bombs.tiff_many_tiles: (UnreadableImage, "strips or tiles"),  # 12 seconds, 640 MB
    bombs.bmp_line_ends: (UnsupportedImageType, "run-length"),  # 7 seconds for 102 bytes
    bombs.bmp_run_lengths: (UnsupportedImageType, "run-length"),
    bombs.bmp_deltas: (UnsupportedImageType, "run-length"),
    bombs.png_gigapixel: (TooManyPixels, "."),
    bombs.jpeg_gigapixel: (TooManyPixels, "."),
    bombs.tiff_gigapixel: (TooManyPixels, "."),
    bombs.bmp_gigapixel: (TooManyPixels, "."),
    bombs.gif_gigapixel: (TooManyPixels, "."),
    bombs.gif_frame_beyond_its_canvas: (TooManyPixels, "."),
    bombs.webp_gigapixel: (TooManyPixels, "."),
    bombs.heif_gigapixel: (TooManyPixels, "."),
    bombs.png_text_bomb: (UnreadableImage, "."),
    bombs.png_profile_bomb: (UnreadableImage, "."),
}


@pytest.mark.parametrize("bomb", REFUSED, ids=lambda bomb: bomb.__name__)
def test_a_bomb_is_refused_before_it_costs_anything(bomb):
    error, words = REFUSED[bomb]
    data = bomb()

    started = time.perf_counter()
    with pytest.raises(error, match=words):
        DECODER.decode(data)

    # 40 ms for the slowest of them alone on a core; the machine may be busy
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "bomb",
    [
        bombs.jpeg_profile_largest,
        bombs.tiff_profile_table,
        bombs.png_profile_table,
        bombs.tiff_no_data_text,
        bombs.png_colours_of_nonsense,
        bombs.jpeg_scans_behind_the_picture,
    ],
    ids=lambda bomb: bomb.__name__,
)
def test_what_is_absurd_beside_a_good_picture_does_not_cost_the_picture(bomb):
    assert DECODER.decode(bomb()).pixels.shape == (224, 224, 3)


@pytest.mark.parametrize("name", corpus.small())
def test_the_small_corpus_gives_pictures_or_named_errors(name):
    try:
        decoded = DECODER.decode(corpus.small()[name])
    except ImageError:
        return
    assert decoded.pixels.shape == (224, 224, 3)


@pytest.mark.parametrize("name", list(corpus.wholes()))
def test_what_the_damage_is_done_to_is_good(name):
    assert DECODER.decode(corpus.wholes()[name]).pixels.shape == (224, 224, 3)


def picture_or_named_error(file: bytes) -> None:
    try:
        decoded = DECODER.decode(file)
    except ImageError:
        return
    assert decoded.pixels.shape == (224, 224, 3)


@st.composite
def changed_files(draw: st.DrawFn) -> bytes:
    """A good file of some format, with a few of its bytes replaced."""
    file = bytearray(corpus.wholes()[draw(st.sampled_from(sorted(corpus.wholes())))])
    edits = st.lists(
        st.tuples(st.integers(0, len(file) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6
    )
    for at, new in draw(edits):
        file[at : at + len(new)] = new
    return bytes(file)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(file=changed_files())
def test_any_few_changed_bytes_give_a_picture_or_a_named_error(file):
    picture_or_named_error(file)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=changed_files())
def test_thousands_of_changed_files_give_pictures_or_named_errors(file):
    picture_or_named_error(file)
