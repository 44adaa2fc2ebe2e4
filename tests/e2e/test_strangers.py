"""Two strangers put the worst of files into the page, live; a third visitor does not notice."""

import re
import threading

import pytest
from playwright.sync_api import expect
from tests.conftest import SAMPLES
from tests.hostile import bombs
from tests.web_app import visitor

pytestmark = pytest.mark.browser

# They come without a browser: that would decode them itself, and fail first.
WORST = [
    (
        bombs.jpeg_progressive_scans,
        "jpg",
        "damaged or incomplete|took too long",
    ),  # minutes in a decoder that is not stopped
    (bombs.webp_largest, "webp", "^$"),  # a gigabyte from 38 bytes, and a picture all the same: it is answered
    (bombs.bmp_line_ends, "bmp", "not a photo of a kind"),  # seconds from 106 bytes
]


@pytest.mark.slow
def test_a_third_visitor_is_answered_while_two_strangers_upload_bombs(page, both_halves):
    files = [(f"{bomb.__name__}.{suffix}", bomb()) for bomb, suffix, _ in WORST]
    page.goto(both_halves["ui"])
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    def stranger() -> None:
        with visitor(both_halves["ui"]) as one:
            one.upload("photo", files)

    strangers = [threading.Thread(target=stranger, daemon=True) for _ in range(2)]
    for thread in strangers:
        thread.start()

    page.locator("input.files").set_input_files(SAMPLES / "espresso.jpg")

    expect(page.get_by_alt_text("The photo espresso.jpg")).to_be_visible()
    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()
    for thread in strangers:
        thread.join(60)


@pytest.mark.parametrize("number", range(len(WORST)))
def test_who_brings_one_is_told_why_in_one_message(both_halves, number):
    bomb, suffix, words = WORST[number]

    with visitor(both_halves["ui"]) as me:
        me.upload("photo", [(f"bomb.{suffix}", bomb())])

        assert re.search(words, me.page.problem)
