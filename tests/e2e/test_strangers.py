"""Two strangers put the worst of files into the page, live; a third visitor does not notice."""

import re

import pytest
from playwright.sync_api import expect
from tests.conftest import SAMPLES
from tests.hostile import bombs

pytestmark = pytest.mark.browser

WORST = [
    (bombs.jpeg_progressive_scans, "jpg", "damaged"),  # minutes in a decoder that is not stopped
    (bombs.webp_largest, "webp", "too large"),  # a gigabyte from 38 bytes
    (bombs.bmp_line_ends, "bmp", "not a photo of a kind"),  # seconds from 106 bytes
]


@pytest.fixture(scope="module")
def worst(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bombs")
    files = []
    for bomb, suffix, words in WORST:
        file = folder / f"{bomb.__name__}.{suffix}"
        file.write_bytes(bomb())
        files.append((file, words))
    return files


def test_a_third_visitor_is_answered_while_two_strangers_upload_bombs(new_page, both_halves, worst):
    strangers, visitor = [new_page(), new_page()], new_page()
    for page in (*strangers, visitor):
        page.goto(both_halves["ui"])
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    for page in strangers:
        page.locator("input.files").set_input_files([file for file, _ in worst])

    visitor.locator("input.files").set_input_files(SAMPLES / "espresso.jpg")

    expect(visitor.get_by_alt_text("The photo espresso.jpg")).to_be_visible()
    visitor.get_by_role("button", name=re.compile("^search Classify|^Classify")).click()
    expect(visitor.get_by_role("heading", name="espresso", exact=True)).to_be_visible()


@pytest.mark.parametrize("number", range(len(WORST)))
def test_who_cannot_be_shown_a_photo_is_told_why(page, both_halves, worst, number):
    file, words = worst[number]
    page.goto(both_halves["ui"])

    page.locator("input.files").set_input_files(file)

    expect(page.get_by_text(re.compile(words)).first).to_be_visible()
