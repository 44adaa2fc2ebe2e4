"""The Video page in a real browser: upload, progress, the cue on the playing video, seeking, the labelled video."""

import pytest
from playwright.sync_api import Locator, Page, expect
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
    found: list[str] = page.locator(".st-key-screen video").evaluate(
        "video => [...video.textTracks].flatMap(t => [...(t.activeCues || [])].map(cue => cue.text))"
    )
    return found


def at(page: Page, seconds: float) -> str:
    """Go to a moment of the video and return the cue that is active there."""
    page.locator(".st-key-screen video").evaluate(
        "(video, t) => new Promise(done => { video.onseeked = () => setTimeout(done, 150); video.currentTime = t; })",
        seconds,
    )
    return " ".join(cues(page))


@pytest.mark.slow
def test_a_video_is_labelled_played_and_taken_home(page, both_halves, known, artifacts, tmp_path):
    visit(page, both_halves)
    page.locator("input.files").set_input_files(known)
    page.get_by_text("8", exact=True).click()
    expect(page.get_by_role("button", name="Label the video")).to_be_enabled()
    page.get_by_role("button", name="Label the video").click()

    expect(page.get_by_text("the model sees")).to_be_visible(timeout=LABELLED)
    page.screenshot(path=artifacts / "video-progress-1280.png")
    expect(page.locator(".st-key-screen video")).to_be_visible(timeout=LABELLED)
    page.locator(".st-key-screen video").evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("() => [...document.querySelectorAll('*')].some(e => (e.shadowRoot || e).querySelector && "
                           "(e.shadowRoot || e).querySelector('video')?.currentTime > 0.5)")  # fmt: skip
    assert "espresso" in " ".join(cues(page))
    page.locator(".st-key-screen video").evaluate("video => video.pause()")
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
    expect(page.locator(".st-key-screen video")).to_be_visible(timeout=LABELLED)
    second = page.locator(".segments button").nth(1)

    for part in (".name", ".when", ".value"):  # anywhere in the row, and again
        go_to(page, 11.0)
        press_the_middle_of(page, second.locator(part))
        page.wait_for_function(_TIME_IS, arg=[2.4, 2.5])
    expect(second).to_have_attribute("aria-current", "true")
    drawing = page.locator(".st-key-moments .marks").first
    drawing.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    chart = drawing.bounding_box()
    assert chart is not None
    page.mouse.click(chart["x"] + chart["width"] * 0.75, chart["y"] + chart["height"] * 0.7)

    page.wait_for_function(_TIME_IS, arg=[7.5, 10.0])


@pytest.mark.slow
def test_the_samples_segments_begin_where_its_photos_change(page, both_halves):
    visit(page, both_halves)
    page.get_by_role("button", name="Try the sample video").click()
    expect(page.locator(".st-key-screen video")).to_be_visible(timeout=LABELLED)

    expect(page.locator(".segments .when")).to_have_text(["0:00.0", "0:02.4", "0:04.8", "0:07.2", "0:09.6"])


@pytest.mark.slow
@pytest.mark.parametrize("tracks", [("aac",), ()], ids=["with sound", "mute"])
def test_where_a_browser_does_not_play_it_the_labelled_video_takes_its_place(
    page, both_halves, tmp_path, artifacts, tracks
):
    """Chromium as Debian builds it has no HEVC, which is what phones record."""
    path = tmp_path / "phone.mov"
    options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    write_video(
        path, [(SAMPLES / "espresso.jpg", 15.0)], size=(640, 480), codec="libx265", options=options, audio=tracks
    )
    visit(page, both_halves)
    page.locator("input.files").set_input_files(path)
    page.get_by_role("button", name="Label the video").click()

    expect(page.get_by_text("Your browser does not play this kind of video (MOV, HEVC)")).to_be_visible(
        timeout=LABELLED
    )
    page.screenshot(path=artifacts / "video-hevc-1280.png")
    expect(page.locator(".st-key-screen video")).to_be_visible(timeout=LABELLED)
    page.wait_for_function(_PLAYS)
    expect(page.get_by_role("link", name="Labelled video (MP4")).to_be_visible()


def press_the_middle_of(page: Page, what: Locator) -> None:
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def go_to(page: Page, seconds: float) -> None:
    page.locator(".st-key-screen video").evaluate("(video, time) => { video.currentTime = time; }", seconds)
    page.wait_for_function(_TIME_IS, arg=[seconds - 0.1, seconds + 0.1])


_PLAYS = """() => [...document.querySelectorAll("*")].some(
  e => [...(e.shadowRoot || e).querySelectorAll("video")].some(v => v.readyState > 1 && v.videoWidth > 0 && !v.error))"""
_TIME_IS = """([least, most]) => {
  const videos = [...document.querySelectorAll("*")].flatMap(e => [...(e.shadowRoot || e).querySelectorAll("video")]);
  return videos.some(v => v.currentTime >= least && v.currentTime <= most);
}"""


@pytest.mark.slow
def test_cancel_stops_at_once_and_go_on_goes_on(page, both_halves, known):
    visit(page, both_halves)
    page.locator("input.files").set_input_files(known)
    page.get_by_text("8", exact=True).click()
    page.get_by_role("button", name="Label the video").click()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Stopped")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("· 0:30.0")).to_be_visible(timeout=LABELLED)
    expect(page.locator(".segments .when")).to_have_text(["0:00.0", "0:12.0"])
    page.get_by_role("button", name="Another video").click()
    expect(page.get_by_role("button", name="Try the sample video")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_the_page_meets_wcag_aa_and_fits_a_phone(new_page, both_halves, artifacts, width, scheme):
    page = new_page(width, 844, color_scheme=scheme)
    visit(page, both_halves)
    found = {"empty": violations(page)}

    page.get_by_role("button", name="Try the sample video").click()
    expect(page.locator(".st-key-screen video")).to_be_visible(timeout=LABELLED)
    page.wait_for_timeout(1000)
    at(page, 3.0)
    found["labelled"] = violations(page)

    page.screenshot(path=artifacts / f"video-{width}-{scheme}.png")
    assert found == {"empty": [], "labelled": []}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
