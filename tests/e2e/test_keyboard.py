"""The pages by Tab alone: every stop is something on the screen that is seen to have the focus, and leads somewhere soon."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect
from tests.conftest import SAMPLES

pytestmark = pytest.mark.browser

_LANDED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!element || element === document.body) return null;
  const box = element.getBoundingClientRect();
  const around = [element];
  for (let each = element.parentElement; each && around.length < 5; each = each.parentElement) around.push(each);
  const marks = around.slice(0, 2).flatMap((each) =>
    [null, "::before", "::after"].map((part) => getComputedStyle(each, part)));
  // a text field's frame takes the primary colour
  const framed = around.map((each) => getComputedStyle(each)).some((style) =>
    parseFloat(style.borderTopWidth) > 0 && ["rgb(15, 118, 110)", "rgb(79, 201, 186)"].includes(style.borderTopColor));
  const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const seen = framed || marks.some((style) => outlined(style) || style.boxShadow !== "none");
  const name = element.getAttribute("aria-label") || element.innerText || element.tagName;
  return {
    name: name.trim().replaceAll("\\n", " "),
    x: box.x, width: box.width, height: box.height, seen,
  };
}"""


@dataclass(frozen=True)
class Stop:
    name: str
    x: float
    width: float
    height: float
    seen: bool


def walk(page: Page, most: int) -> list[Stop]:
    """Press Tab so many times, or until the focus leaves the page."""
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        page.wait_for_timeout(250)  # colours change by and by
        landed = page.evaluate(_LANDED)
        if landed is None:
            break
        stops.append(Stop(**landed))
    return stops


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["", "batch", "video", "about"])
def test_every_stop_is_on_the_screen_and_seen(new_page, both_halves, path, width):
    page = new_page(width, 844)
    page.goto(f"{both_halves['ui']}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(1500)

    stops = walk(page, 14)

    assert len(stops) >= 6
    for stop in stops:
        assert 0 <= stop.x < width, stop
        assert min(stop.width, stop.height) >= 1, stop
        assert stop.seen, stop


@pytest.mark.slow
def test_a_sample_is_a_few_stops_away_and_answered_by_enter(page, both_halves):
    page.goto(both_halves["ui"])
    expect(page.locator(".st-key-card-cat img")).to_be_visible()

    names = [stop.name for stop in walk(page, 10)]

    assert names[0] == "Skip to main content"
    assert any("Settings" in name for name in names)
    assert "Cat" in names
    page.locator(".st-key-card-cat button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Egyptian cat", exact=True)).to_be_visible()


def test_a_photo_is_chosen_by_the_keyboard(page, both_halves):
    page.goto(both_halves["ui"])
    expect(page.locator(".st-key-card-cat img")).to_be_visible()
    page.wait_for_timeout(1000)  # a page that is still being drawn takes the focus away again

    with page.expect_file_chooser() as chooser:
        page.locator(".invite").press("Enter")
    chooser.value.set_files(SAMPLES / "espresso.jpg")

    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()


def test_a_phone_has_four_ways_in_sight_no_word_of_keys_and_photo_and_answer_in_view_together(new_page, both_halves):
    page = new_page(390, 844, has_touch=True, is_mobile=True)
    page.goto(both_halves["ui"])
    expect(page.locator(".invite")).to_be_visible()
    for name in ("Photo", "Batch", "Video", "About"):
        expect(page.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)

    page.locator("input.files").set_input_files(SAMPLES / "espresso.jpg")

    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_in_viewport(ratio=1)
    expect(page.get_by_alt_text("The photo espresso.jpg")).to_be_in_viewport(ratio=1)
    shown = page.evaluate("document.body.innerText")
    assert not any(word in shown for word in ("Enter", "Esc", "drop", "paste"))
    cards = page.locator(".st-key-samples img")
    expect(cards.first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
