"""Photos as they come in to the Photo page, in a real browser: every way in, what is sent, what is not taken."""

import base64
import re
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Route, expect
from tests.conftest import SAMPLES
from tests.e2e.conftest import hand_over
from tests.e2e.test_photo_page import heading, upload, visit
from tests.e2e.test_press import press

from sightserve.client import Client
from sightserve.frontend.inbox import widget

pytestmark = pytest.mark.browser


def test_pasted_and_dropped_photos_come_in_like_every_other_and_take_the_place_of_the_one_before(page, both_halves):
    visit(page, both_halves["ui"])
    expect(page.locator(".invite")).to_be_visible()
    hand_over(page, "paste", SAMPLES / "espresso.jpg")
    heading(page, "espresso")
    hand_over(page, "drop", SAMPLES / "cat.jpg")
    heading(page, "Egyptian cat")

    hand_over(page, "drop", SAMPLES / "cat.jpg", SAMPLES / "espresso.jpg")

    heading(page, "2 answers")
    expect(page.locator(".st-key-gallery")).to_contain_text("espresso")
    press(page, page.locator(".st-key-gallery img").nth(1), finger=False)
    heading(page, "espresso")
    expect(page.get_by_alt_text("The photo espresso.jpg").first).to_be_visible()
    page.get_by_role("button", name="All photos").click()
    heading(page, "2 answers")
    expect(page.locator(".strip img")).to_have_count(2)


def test_the_camera_takes_a_photo(page, both_halves):
    visit(page, both_halves["ui"])
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function(
        "[...document.querySelectorAll('*')].some(e => (e.shadowRoot?.querySelector('video.live')?.readyState ?? 0) >= 2)"
    )
    page.get_by_role("button", name="Take photo").click()

    expect(page.get_by_text("Answered in")).to_be_visible()
    expect(page.get_by_alt_text("The photo camera.jpg")).to_be_visible()


def test_where_a_page_is_not_secure_the_phones_own_camera_is_asked(new_page, both_halves):
    page = new_page(390, 844, has_touch=True, is_mobile=True)
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    visit(page, both_halves["ui"])

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Camera").tap()

    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(SAMPLES / "espresso.jpg")
    heading(page, "espresso")


def test_bad_files_get_friendly_messages_beside_the_good_answer(page, both_halves, espresso):
    contents = {"cut.jpg": espresso[:4000], "text.jpg": b"hello", "empty.jpg": b"", "good.jpg": espresso}
    visit(page, both_halves["ui"])
    page.locator("input.files").set_input_files(
        [FilePayload(name=name, mimeType="image/jpeg", buffer=content) for name, content in contents.items()]
    )

    heading(page, "1 answer")
    for said in ("damaged or incomplete", "not a photo of a kind", "This file is empty"):
        expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_not_taken_is_said_in_words_where_the_answer_would_be(page, both_halves, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 844})
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "holiday.zip").write_bytes(b"PK")
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(31 * 1024 * 1024)

    upload(page, both_halves["ui"], tmp_path / "notes.txt", tmp_path / "holiday.zip")
    said = page.locator(".st-key-answer").get_by_role("alert")
    expect(said.filter(has_text="notes.txt: This is not a photo. Choose a JPEG")).to_be_visible()
    expect(said.filter(has_text="holiday.zip: This is a zip.")).to_be_visible()
    page.locator("input.files").set_input_files(tmp_path / "large.jpg")
    expect(said.filter(has_text="large.jpg: This file is too large. Try a smaller one: 30.0 MB")).to_be_visible()
    hand_over(page, "drop", tmp_path / "holiday.zip")
    page.locator(".st-key-answer").get_by_role("link", name="To the Batch page").click()

    heading(page, "Many photos at once")


@pytest.mark.parametrize("orientation", [pytest.param(1, marks=pytest.mark.slow), 6])
def test_a_phones_photo_is_shown_at_once_and_sent_small_and_upright(page, both_halves, tmp_path, orientation):
    """Twelve megapixels on a line that lets nothing through yet: it is on the page all the same, with its progress."""
    with Image.open(SAMPLES / "espresso.jpg") as opened:
        exif = opened.getexif()
        exif[0x0112] = orientation
        turned = opened.rotate(90, expand=True) if orientation == 6 else opened
        grain = Image.effect_noise((4000, 3000), 60).convert("RGB")
        size = (4000, 3000) if turned.width > turned.height else (3000, 4000)
        photo = Image.blend(turned.resize(size), grain.resize(size), 0.12)
        photo.save(tmp_path / "phone.jpg", quality=90, exif=exif)
    sent, held = [], []

    def hold(route: Route) -> None:
        sent.append(route.request)
        held.append(route)

    page.route("**/inbox/**", hold)
    with page.expect_request("**/inbox/**"):
        upload(page, both_halves["ui"], tmp_path / "phone.jpg")
        expect(page.get_by_alt_text("The photo phone.jpg")).to_be_visible()
        expect(page.get_by_role("progressbar", name="Sending")).to_be_visible()
    size_there = (tmp_path / "phone.jpg").stat().st_size

    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()

    heading(page, "espresso")
    expect(page.get_by_text("from 4000 × 3000 pixels")).to_be_visible()  # noqa: RUF001 - of the photo itself, upright
    (put,) = sent
    assert size_there > 3_000_000
    body = put.post_data_buffer or b""
    assert len(body) < 600_000
    with Image.open(BytesIO(body)) as small:
        assert small.size == (1600, 1200)
        assert not small.getexif()  # nor where it was taken


@pytest.mark.slow
def test_the_original_goes_where_a_person_wants_that(page, both_halves, tmp_path):
    Image.effect_noise((2400, 1800), 80).convert("RGB").save(tmp_path / "large.jpg", quality=90)
    sent: list[int] = []
    visit(page, both_halves["ui"])
    page.get_by_role("button", name="Settings").click()
    page.get_by_text("Send photos as they are").click()
    page.keyboard.press("Escape")
    page.wait_for_timeout(1000)  # the page has heard of it

    def count(route: Route) -> None:
        sent.append(len(route.request.post_data_buffer or b""))
        route.continue_()

    page.route("**/inbox/**", count)

    page.locator("input.files").set_input_files(tmp_path / "large.jpg")

    expect(page.get_by_text("Answered in")).to_be_visible()
    assert sent == [(tmp_path / "large.jpg").stat().st_size]


@pytest.mark.slow
def test_a_line_that_breaks_is_asked_once_more(page, both_halves):
    tries: list[str] = []

    def sometimes(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) == 1:
            route.abort()
        elif len(tries) == 2:
            route.fulfill(status=502, body="<html>Bad gateway</html>")
        else:
            route.continue_()

    page.route("**/inbox/**", sometimes)
    upload(page, both_halves["ui"], SAMPLES / "espresso.jpg")

    heading(page, "espresso")
    assert len(tries) == 3


@pytest.mark.slow
def test_what_a_person_waited_is_what_the_page_says(page, both_halves):
    visit(page, both_halves["ui"])

    def slowly(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    page.route("**/inbox/**", slowly)

    page.locator("input.files").set_input_files(SAMPLES / "espresso.jpg")

    expect(page.locator(".sightserve-waited")).to_have_text(re.compile(r"^[1-9]\.\d\d s$"))


def test_leaving_the_page_and_coming_back_finds_photo_and_answer(page, both_halves):
    upload(page, both_halves["ui"], SAMPLES / "espresso.jpg")
    heading(page, "espresso")

    page.get_by_role("link", name="About").click()
    heading(page, "About this classifier")
    page.get_by_role("link", name="Photo").click()

    heading(page, "espresso")
    expect(page.get_by_alt_text("The photo espresso.jpg")).to_be_visible()


@pytest.mark.slow
def test_what_is_made_smaller_keeps_its_label(page, both_halves, labelled_photos, tmp_path):
    """Labelled photos as a phone would have taken them, through the page's own script and not, to the same classifier."""
    script = (Path(widget.__file__).parent / "browser" / "shrink.js").read_text()
    page.goto("about:blank")
    page.add_script_tag(content=f"{script}\nwindow.asSent = asSent;")
    answers, smaller = [], []
    with Client(both_halves["api"]) as client:
        for path, _ in labelled_photos[::17]:
            with Image.open(path) as opened:
                larger = (12e6 / (opened.width * opened.height)) ** 0.5
                photo = opened.convert("RGB").resize((round(opened.width * larger), round(opened.height * larger)))
            photo.save(tmp_path / "phone.jpg", quality=92)
            whole = (tmp_path / "phone.jpg").read_bytes()
            sent = base64.b64decode(
                page.evaluate(
                    """async (whole) => {
                      const bytes = Uint8Array.from(atob(whole), (letter) => letter.charCodeAt(0));
                      const { blob } = await asSent(new File([bytes], "a.jpg"), { original: false, least: 512 });
                      const url = await new Promise((resolve) => {
                        const reader = new FileReader();
                        reader.onload = () => resolve(reader.result);
                        reader.readAsDataURL(blob);
                      });
                      return url.split(",")[1];
                    }""",
                    base64.b64encode(whole).decode(),
                )
            )
            smaller.append(len(sent) < len(whole) / 2)  # one without details is small as it is
            answers.append((client.predict(whole), client.predict(sent)))

    assert sum(smaller) >= 9
    assert [small.prediction for _, small in answers] == [large.prediction for large, _ in answers]
    assert max(abs(small.probability - large.probability) for large, small in answers) < 0.15
