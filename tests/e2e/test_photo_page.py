"""The Photo page in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect
from tests.conftest import SAMPLES
from tests.processes import free_port, running

pytestmark = pytest.mark.browser


def upload(page: Page, url: str, file: Path | FilePayload) -> None:
    page.goto(url)
    page.locator("input[type=file]").first.set_input_files(file)


def classify(page: Page) -> None:
    page.get_by_role("button", name="Classify").click()


def test_a_photo_gets_its_label_and_a_chart(page, both_halves, artifacts):
    upload(page, both_halves["ui"], SAMPLES / "espresso.jpg")
    expect(page.get_by_role("img").first).to_be_visible()
    classify(page)

    expect(page.get_by_role("heading", name="espresso")).to_be_visible()
    expect(page.get_by_text("Very sure")).to_be_visible()
    chart = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
    expect(chart).to_be_visible()
    page.wait_for_timeout(500)  # the chart fades in
    page.screenshot(path=artifacts / "photo-page-1280.png")


def test_a_real_photo_from_the_shared_folder(page, both_halves, labelled_photos):
    path = next(path for path, index in labelled_photos if index == 0)

    upload(page, both_halves["ui"], path)
    classify(page)

    expect(page.get_by_role("heading", name="tench")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "said"), [("cut.jpg", "damaged or incomplete"), ("text.jpg", "not a photo of a kind"), ("empty.jpg", "")]
)
def test_a_bad_file_gets_a_friendly_message(page, both_halves, name, said, espresso):
    content = {"cut.jpg": espresso[:4000], "text.jpg": b"hello", "empty.jpg": b""}[name]

    upload(page, both_halves["ui"], {"name": name, "mimeType": "image/jpeg", "buffer": content})
    classify(page)

    message = page.get_by_role("alert").filter(has_text=re.compile(said or "photo|file|empty"))
    expect(message.last).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_a_backend_that_is_away_gets_a_friendly_message(page, tmp_path):
    ui = free_port()
    nobody = f"http://127.0.0.1:{free_port()}"
    health = f"http://127.0.0.1:{ui}/_stcore/health"
    with running("ui", "--port", str(ui), health=health, log=tmp_path / "log", BACKEND=nobody):
        upload(page, f"http://127.0.0.1:{ui}", SAMPLES / "cat.jpg")
        classify(page)

        expect(page.get_by_text("The classifier is away")).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)


def test_the_api_documentation_works_without_the_internet(page, both_halves):
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url))

    page.goto(both_halves["api"] + "/docs")

    expect(page.get_by_text("Classify one image").first).to_be_visible()
    assert [url for url in elsewhere if not url.startswith((both_halves["api"], "data:"))] == []
