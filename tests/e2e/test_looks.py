"""For everybody: on a phone, in the dark, by keyboard, with a screen reader."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.conftest import SAMPLES
from tests.e2e.conftest import violations

pytestmark = pytest.mark.browser
SLEEP_MS = 400  # charts and colours fade in


def settle(page: Page, address: str, heading: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(SLEEP_MS)


@pytest.mark.slow
def test_every_page_meets_wcag_aa(new_page, both_halves, artifacts):
    page = new_page(color_scheme="light")
    ui, found = both_halves["ui"], {}

    settle(page, ui, "What is in this photo?")
    found["empty"] = violations(page)
    found |= answer_in_full(page, ui, artifacts / "answer-light.png")
    settle(page, f"{ui}/batch", "Many photos at once")
    page.locator("input.files").set_input_files(sorted(SAMPLES.glob("*.jpg")))
    page.get_by_role("button", name="Classify 6 photos").click()
    expect(page.get_by_text("6 photos answered")).to_be_visible()
    page.wait_for_timeout(SLEEP_MS)
    found["batch"] = violations(page)
    settle(page, f"{ui}/about", "About this classifier")
    expect(page.get_by_text("Typical answer")).to_be_visible()
    found["about"] = violations(page)

    assert found == {name: [] for name in found}


@pytest.mark.slow
def test_so_does_the_dark_theme(new_page, both_halves, artifacts):
    page = new_page(color_scheme="dark")

    found = answer_in_full(page, both_halves["ui"], artifacts / "answer-dark.png")

    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor") == "rgb(15, 23, 22)"
    assert found == {name: [] for name in found}


def answer_in_full(page: Page, ui: str, picture: Path) -> dict[str, list[str]]:
    """What axe-core finds on a sure answer with its details open, and on one that is not sure."""
    settle(page, f"{ui}/?sample=espresso", "espresso")
    page.get_by_text("Details: JSON, code, downloads").click()
    page.wait_for_timeout(SLEEP_MS)
    sure = violations(page)
    page.screenshot(path=picture)
    settle(page, f"{ui}/?sample=coins", "Nothing that it knows")
    return {"answer": sure, "not sure": violations(page)}


@pytest.mark.slow
def test_a_phone_shows_everything_without_scrolling_sideways(new_page, both_halves, artifacts):
    page = new_page(390, 844, is_mobile=True, has_touch=True)
    settle(page, both_halves["ui"], "What is in this photo?")
    page.locator("input.files").set_input_files(SAMPLES / "espresso.jpg")

    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_in_viewport()
    page.wait_for_timeout(SLEEP_MS)
    page.screenshot(path=artifacts / "phone-390.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    for path in ("/batch", "/video", "/about"):
        page.goto(both_halves["ui"] + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_timeout(SLEEP_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_sample_can_be_chosen_by_keyboard_alone(page, both_halves):
    settle(page, both_halves["ui"], "What is in this photo?")
    button = page.get_by_role("button", name="Coffee")
    for _ in range(40):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break

    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()
