"""The Photo page in a real browser: every way in, the answer, and what to do with it."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from tests.conftest import SAMPLES
from tests.processes import clean_environment

pytestmark = pytest.mark.browser


def visit(page: Page, url: str, path: str = "/") -> None:
    page.goto(url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def upload(page: Page, url: str, *files: Path) -> None:
    visit(page, url)
    page.locator("input.files").set_input_files(list(files))


def not_at_once(page: Page) -> None:
    """Turn answers at once off: from here on the button asks, as in the course."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_text("Answer as soon as a photo is there").click()
    page.keyboard.press("Escape")


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_a_photo_gets_its_label_its_confidence_and_a_chart(page, both_halves, artifacts):
    upload(page, both_halves["ui"], SAMPLES / "espresso.jpg")
    expect(page.get_by_alt_text("The photo espresso.jpg")).to_be_visible()

    heading(page, "espresso")
    expect(page.locator(".st-key-answer").get_by_text(re.compile("Very sure · 9"))).to_be_visible()
    expect(page.get_by_text("Answered in")).to_be_visible()
    bars = page.get_by_role("list", name="Probabilities")
    expect(bars.get_by_role("listitem")).to_have_count(5)
    expect(bars.get_by_role("listitem").first).to_contain_text(re.compile("espresso.*9"))
    expect(page.locator(".sightserve-spoken")).to_contain_text("espresso.jpg: espresso: Very sure")
    page.screenshot(path=artifacts / "photo-page-1280.png")


def test_with_answers_at_once_turned_off_the_button_and_enter_ask(page, both_halves):
    visit(page, both_halves["ui"])
    not_at_once(page)
    page.locator("input.files").set_input_files(SAMPLES / "espresso.jpg")
    expect(page.get_by_text("Press Classify")).to_be_visible()
    page.get_by_role("button", name=re.compile("Classify")).click()
    heading(page, "espresso")

    page.locator("input.files").set_input_files(SAMPLES / "cat.jpg")
    expect(page.get_by_text("Press Classify")).to_be_visible()
    page.keyboard.press("Enter")
    heading(page, "Egyptian cat")


def test_a_sample_is_one_press_and_a_link_to_it_shows_the_same(page, new_page, both_halves):
    visit(page, both_halves["ui"])
    page.get_by_role("button", name="Coffee").click()
    heading(page, "espresso")
    expect(page).to_have_url(re.compile("sample=espresso"))

    other = new_page()
    other.goto(page.url + "&labels=3")

    heading(other, "espresso")
    expect(other.get_by_role("list", name="Probabilities").get_by_role("listitem")).to_have_count(3)


def test_below_the_threshold_in_the_link_an_answer_is_a_guess(page, both_halves):
    page.goto(f"{both_halves['ui']}/?sample=cat&unsure=95")

    heading(page, "Perhaps an Egyptian cat")


def test_the_history_brings_an_answer_back(page, both_halves):
    visit(page, both_halves["ui"])
    page.get_by_role("button", name="Coffee").click()
    heading(page, "espresso")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".invite")).to_be_visible()

    page.locator(".st-key-history").get_by_role("button", name="espresso").click()

    heading(page, "espresso")


def test_the_downloads_are_the_answer(page, both_halves, tmp_path):
    visit(page, both_halves["ui"], "/?sample=espresso")
    page.get_by_text("Details: JSON, code, downloads").click()
    for name in ("JSON", "CSV"):
        with page.expect_download() as download:
            page.locator(f".st-key-download-{name.lower()} button").click()
        download.value.save_as(tmp_path / name)

    answer = json.loads((tmp_path / "JSON").read_text())
    (row,) = csv.DictReader((tmp_path / "CSV").read_text("utf-8-sig").splitlines())

    assert answer["prediction"] == row["label"] == "espresso"
    assert len(answer["top_k"]) == 5
    assert float(row["probability_5"]) == pytest.approx(answer["top_k"][4]["probability"], abs=1e-6)


@pytest.mark.slow
def test_the_lines_for_curl_and_python_give_the_same_answer(page, both_halves, tmp_path):
    """They are shown so that people run them: so they are run, with names that shells and curl like least."""
    names = ["it's; a, photo & $HOME.jpg", "two.jpg"]
    for name, sample in zip(names, ("espresso.jpg", "panda.jpg"), strict=True):
        (tmp_path / name).write_bytes((SAMPLES / sample).read_bytes())
    for chosen in (names[:1], names):
        upload(page, both_halves["ui"], *(tmp_path / name for name in chosen))
        page.get_by_text("Details: JSON, code, downloads").click()
        codes = page.locator("[data-testid=stCode] code")
        expect(codes.first).to_contain_text("espresso")
        expected, curl, python = (codes.nth(index).text_content() for index in range(3))

        by_curl = subprocess.run(
            ["bash", "-c", f"{curl} -s"], cwd=tmp_path, capture_output=True, check=True, timeout=30
        )
        by_python = subprocess.run(
            [sys.executable, "-c", python or ""],
            cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip

        answers, wanted = json.loads(by_curl.stdout), json.loads(expected or "")
        got = [item["result"] for item in answers["results"]] if len(chosen) > 1 else [answers]
        wanted = wanted if len(chosen) > 1 else [wanted]
        assert [answer["top_k"] for answer in got] == [answer["top_k"] for answer in wanted]
        assert all(answer["prediction"] in by_python.stdout for answer in got)


def test_a_real_photo_from_the_shared_folder(page, both_halves, labelled_photos):
    path = next(path for path, index in labelled_photos if index == 0)

    upload(page, both_halves["ui"], path)

    heading(page, "tench")


@pytest.mark.parametrize("name", ["www.evil.example.jpg", "a&lt;b&gt;c.jpg"])
def test_a_files_name_is_shown_as_it_is_and_leads_nowhere(page, both_halves, espresso, name):
    page.goto(both_halves["ui"])

    page.locator("input.files").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": espresso})

    expect(page.get_by_alt_text(f"The photo {name}")).to_be_visible()
    assert page.locator("figcaption").inner_text().strip() == name
    assert page.get_by_role("link", name=re.compile("evil")).count() == 0


def test_the_api_documentation_works_without_the_internet(page, both_halves):
    page.goto(both_halves["api"] + "/docs")

    expect(page.get_by_text("Classify one image").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_where_it_looked_lies_exactly_over_the_photo(page, both_halves, tmp_path, width):
    with Image.open(SAMPLES / "espresso.jpg") as photo:
        tall = Image.new("RGB", (photo.width, photo.width * 16 // 9), "grey")
        tall.paste(photo)
    tall.save(tmp_path / "tall.jpg")
    page.set_viewport_size({"width": width, "height": 800})
    upload(page, both_halves["ui"], tmp_path / "tall.jpg")
    expect(page.get_by_alt_text("The photo tall.jpg")).to_be_visible()
    heading(page, "espresso")

    page.get_by_text("Show where it looked").click()

    warmth = page.locator("img.warmth")
    expect(warmth).to_be_visible()
    photo_box, warm_box = page.locator("img.picture").bounding_box(), warmth.bounding_box()
    assert photo_box is not None
    assert warm_box == pytest.approx(photo_box, abs=1)
    assert photo_box["height"] > photo_box["width"]
    page.get_by_text("Show where it looked").click()
    expect(warmth).to_be_hidden()
    expect(page.get_by_alt_text("The photo tall.jpg")).to_be_visible()
