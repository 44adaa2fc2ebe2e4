"""Right or wrong, in a real browser, to a real backend's database."""

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from tests.e2e.conftest import violations
from tests.processes import free_port, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("feedback") / "feedback.db"


@pytest.fixture(scope="module")
def keeping(database):
    """Both halves, where people may say whether an answer was right."""
    api, ui = free_port(), free_port()
    with running(
        "up", "--port", str(api), "--ui-port", str(ui), health=f"http://127.0.0.1:{ui}/_stcore/health",
        log=database.parent / "log", SIGHTSERVE_FEEDBACK_DATABASE=f"sqlite:///{database}",
    ):  # fmt: skip
        yield f"http://127.0.0.1:{ui}"


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def photographed(path: Path, colour: int) -> Path:
    """A photo of ours as a camera writes it: with where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (640, 480), (colour, 90, 40)).save(path, exif=exif)
    return path


def answered(page: Page, url: str, photo: Path) -> None:
    page.goto(url)
    page.locator("input.files").set_input_files(photo)
    expect(page.get_by_alt_text(f"The photo {photo.name}")).to_be_visible()
    expect(page.get_by_role("button", name="Wrong")).to_be_visible()


def kept(page: Page, words: str) -> None:
    expect(page.locator(".sightserve-kept")).to_contain_text(words)
    expect(page.locator(".sightserve-spoken")).to_contain_text(words)


def test_right_a_new_label_with_the_photo_and_undo_are_in_the_database(new_page, keeping, database, tmp_path):
    page = new_page(color_scheme="dark")
    photo = photographed(tmp_path / "fruit.jpg", 120)
    answered(page, keeping, photo)
    page.get_by_role("button", name="Wrong").click()
    assert violations(page) == []
    page.get_by_role("combobox", name="What is it?").press_sequentially("Dragon fruit")
    page.keyboard.press("Tab")  # what was typed counts, without Enter
    page.get_by_label("Note (optional)").fill("from the market")
    page.get_by_text("Keep this photo with it").click()
    page.get_by_role("button", name="Send").click()
    kept(page, "kept as “Dragon fruit”, with the photo")
    [(stored,)] = rows(database, "SELECT data FROM photo")
    assert isinstance(stored, bytes)
    with Image.open(io.BytesIO(stored)) as image:
        assert image.format == "JPEG"
        assert not image.getexif()
    assert b"a camera" in photo.read_bytes()
    assert b"a camera" not in stored

    answered(page, keeping, photographed(tmp_path / "other.jpg", 30))
    page.get_by_role("button", name="Right").focus()
    page.keyboard.press("Enter")  # not Classify's
    kept(page, "kept as right")
    said = rows(database, "SELECT verdict, label, note FROM correction ORDER BY at")
    assert said == [("wrong", "Dragon fruit", "from the market"), ("right", None, "")]
    assert len(rows(database, "SELECT 1 FROM photo")) == 1
    page.get_by_role("link", name="About").click()
    expect(page.get_by_text("Right on 1 of 2 answers that people judged")).to_be_visible()

    page.get_by_role("link", name="Photo").click()
    page.get_by_role("button", name="Undo").click()
    kept(page, "nothing of this answer is kept")
    assert rows(database, "SELECT verdict FROM correction") == [("wrong",)]


def test_with_a_finger_a_label_that_was_typed_and_not_entered_is_sent(new_page, keeping, database, tmp_path):
    page = new_page(390, 844, has_touch=True, is_mobile=True)
    answered(page, keeping, photographed(tmp_path / "third.jpg", 220))
    page.get_by_role("button", name="Wrong").tap()
    page.get_by_role("combobox", name="What is it?").press_sequentially("Star fruit")
    send = page.locator(".st-key-feedback-send button")
    send.scroll_into_view_if_needed()
    page.evaluate("window.scrollBy(0, 200)")  # clear of the bar of pages
    box = send.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    kept(page, "kept as “Star fruit”.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert rows(database, "SELECT label FROM correction WHERE label = 'Star fruit'") == [("Star fruit",)]
