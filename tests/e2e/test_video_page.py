"""The Video page in a real browser: upload, progress, the cue on the playing video, seeking, the labelled video."""

import pytest
from playwright.sync_api import Page, expect
from tests.conftest import SAMPLES
from tests.e2e.conftest import violations
from tests.videos import FAST, frames
from tools.make_video import write_video

pytestmark = pytest.mark.browser
LABELLED = 120_000  # milliseconds; a busy machine takes its time


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Long enough that its progress can be watched: espresso for 12 seconds, then a cat."""
    path = tmp_path_factory.mktemp("known") / "holiday.mp4"
    photos = [(SAMPLES / "espresso.jpg", 12.0), (SAMPLES / "cat.jpg", 18.0)]
    write_video(path, photos, size=(360, 240), fps=10, options=FAST)
    return path


def visit(page: Page, both_halves: dict[str, str]) -> None:
    page.goto(both_halves["ui"] + "/video")
    expect(page.get_by_role("button", name="Try the sample video")).to_be_visible()


def cues(page: Page) -> list[str]:
    """What the player's subtitles say right now."""
    found: list[str] = page.locator("video").evaluate(
        "video => [...video.textTracks].flatMap(t => [...(t.activeCues || [])].map(cue => cue.text))"
    )
    return found


def at(page: Page, seconds: float) -> str:
    """Go to a moment of the video and return the cue that is active there."""
    page.locator("video").evaluate(
        "(video, t) => new Promise(done => { video.onseeked = () => setTimeout(done, 150); video.currentTime = t; })",
        seconds,
    )
    return " ".join(cues(page))


def test_a_video_is_labelled_played_and_taken_home(page, both_halves, known, artifacts, tmp_path):
    visit(page, both_halves)
    page.locator("input.files").set_input_files(known)
    page.get_by_text("8", exact=True).click()
    expect(page.get_by_role("button", name="Label the video")).to_be_enabled()
    page.get_by_role("button", name="Label the video").click()

    expect(page.get_by_text("the model sees")).to_be_visible(timeout=LABELLED)
    page.screenshot(path=artifacts / "video-progress-1280.png")
    expect(page.locator("video")).to_be_visible(timeout=LABELLED)
    page.locator("video").evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("() => [...document.querySelectorAll('*')].some(e => (e.shadowRoot || e).querySelector && "
                           "(e.shadowRoot || e).querySelector('video')?.currentTime > 0.5)")  # fmt: skip
    assert "espresso" in " ".join(cues(page))
    page.locator("video").evaluate("video => video.pause()")
    assert "espresso" in at(page, 11.5)
    assert "cat" in at(page, 12.5)
    page.screenshot(path=artifacts / "video-page-1280.png")
    assert violations(page) == []

    page.get_by_role("button", name="Make the labelled video").click()
    link = page.get_by_role("link", name="Labelled video (MP4")
    expect(link).to_be_visible(timeout=LABELLED)
    with page.expect_download() as download:
        link.click()
    download.value.save_as(tmp_path / "home.mp4")
    assert download.value.suggested_filename == "holiday-labelled.mp4"
    assert len(frames(tmp_path / "home.mp4")) == 300


@pytest.mark.slow
def test_a_segment_and_a_moment_seek(page, both_halves, artifacts):
    visit(page, both_halves)
    page.get_by_role("button", name="Try the sample video").click()
    expect(page.locator("video")).to_be_visible(timeout=LABELLED)
    page.wait_for_timeout(800)
    table = page.get_by_test_id("stDataFrame").bounding_box()
    assert table is not None

    page.mouse.click(table["x"] + 16, table["y"] + 36 * 2.5)  # the second row's box
    page.wait_for_function(_TIME_IS, arg=[2.2, 2.7])
    drawing = page.locator(".st-key-moments .marks").first
    drawing.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    chart = drawing.bounding_box()
    assert chart is not None
    page.mouse.click(chart["x"] + chart["width"] * 0.75, chart["y"] + chart["height"] * 0.7)

    page.wait_for_function(_TIME_IS, arg=[7.5, 10.0])


_TIME_IS = """([least, most]) => {
  const videos = [...document.querySelectorAll("*")].flatMap(e => [...(e.shadowRoot || e).querySelectorAll("video")]);
  return videos.some(v => v.currentTime >= least && v.currentTime <= most);
}"""


@pytest.mark.slow
def test_cancel_stops_at_once(page, both_halves, known):
    visit(page, both_halves)
    page.locator("input.files").set_input_files(known)
    page.get_by_text("8", exact=True).click()
    page.get_by_role("button", name="Label the video").click()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Stopped.")).to_be_visible()
    page.get_by_role("button", name="Another video").click()
    expect(page.get_by_role("button", name="Try the sample video")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_the_page_meets_wcag_aa_and_fits_a_phone(new_page, both_halves, artifacts, width, scheme):
    page = new_page(width, 844, color_scheme=scheme)
    visit(page, both_halves)
    found = {"empty": violations(page)}

    page.get_by_role("button", name="Try the sample video").click()
    expect(page.locator("video")).to_be_visible(timeout=LABELLED)
    page.wait_for_timeout(1000)
    at(page, 3.0)
    found["labelled"] = violations(page)

    page.screenshot(path=artifacts / f"video-{width}-{scheme}.png")
    assert found == {"empty": [], "labelled": []}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
