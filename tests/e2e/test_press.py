"""Pressing where people press: the middle of a picture, with a mouse and with a finger. Nobody looks for a role."""

import re

import pytest
from playwright.sync_api import Locator, Page, Response, Route, expect

from sightserve.frontend.host.assets import PRELOADED, ROOT

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
def test_what_is_named_beforehand_is_what_the_photo_page_needs_and_comes_compressed(new_page, both_halves):
    page, raw, asked = new_page(1281), [], []

    def without_our_words(route: Route) -> None:
        html = re.sub('<link rel="modulepreload"[^>]*>', "", route.fetch().text())
        route.fulfill(status=200, content_type="text/html; charset=utf-8", body=html)

    def heard(answer: Response) -> None:
        if "/static/js/" in answer.url:
            asked.append(answer.url)
            if "content-encoding" not in answer.headers:
                raw.append(answer.url)

    page.route(re.compile(re.escape(both_halves["ui"]) + "/$"), without_our_words)
    page.on("response", heard)
    page.goto(both_halves["ui"])
    expect(page.locator(".st-key-card-espresso img")).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert raw == []
    named_by_streamlit = set(re.findall(r"js/([^/\"]+)\.[^./\"]+\.js", (ROOT / "index.html").read_text()))
    needed = {re.sub(r"\.[^.]+\.js$", "", url.rsplit("/", 1)[-1]) for url in asked}
    assert needed - named_by_streamlit == set(PRELOADED)
