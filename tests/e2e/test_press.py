"""Pressing where people press: the middle of a picture, with a mouse and with a finger. Nobody looks for a role."""

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser


def middle(picture: Locator) -> tuple[float, float]:
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def press(page: Page, picture: Locator, finger: bool) -> None:
    expect(picture).to_be_visible()
    page.wait_for_timeout(300)  # nothing moves any more
    x, y = middle(picture)
    if finger:
        page.touchscreen.tap(x, y)
    else:
        page.mouse.click(x, y)


@pytest.mark.parametrize("finger", [False, True])
def test_the_middle_of_a_samples_and_of_a_historys_picture(new_page, both_halves, finger):
    page = new_page(390, 844, has_touch=True) if finger else new_page()
    page.goto(both_halves["ui"])

    press(page, page.locator(".st-key-card-espresso img"), finger)
    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()
    press(page, page.locator(".st-key-card-cat img"), finger)
    expect(page.get_by_role("heading", name="Egyptian cat", exact=True)).to_be_visible()

    press(page, page.locator(".st-key-history img").nth(1), finger)  # the one before
    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()


def test_a_first_answer_loads_no_chart_library_and_no_highlighter(page, both_halves):
    page.goto(both_halves["ui"])
    expect(page.locator(".st-key-card-espresso img")).to_be_visible()
    page.wait_for_load_state("networkidle")
    loaded: list[str] = []
    page.on("response", lambda answer: loaded.append(answer.url))

    press(page, page.locator(".st-key-card-espresso img"), finger=False)
    expect(page.get_by_text("Answered in")).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert [url for url in loaded if "ega" in url or "Syntax" in url] == []


@pytest.mark.slow
def test_nothing_that_is_named_beforehand_is_loaded_for_nothing(page, both_halves):
    """A browser warns of what is preloaded and not used; and each script comes compressed."""
    raw: list[str] = []
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on(
        "response",
        lambda answer: (
            raw.append(answer.url) if "/static/js/" in answer.url and "content-encoding" not in answer.headers else None
        ),
    )

    page.goto(both_halves["ui"])
    expect(page.locator(".st-key-card-espresso img")).to_be_visible()
    page.wait_for_timeout(4000)  # browsers say it after a while

    assert raw == []
    assert [text for text in told if "preload" in text and "Source" not in text] == []
