"""Videos in the web app's image: read, labelled and written by what is left of FFmpeg, in a /tmp that is memory."""

import pytest
from playwright.sync_api import expect
from tests.containers.engine import running_container, wait_until_ready

pytestmark = [pytest.mark.containers, pytest.mark.browser, pytest.mark.timeout(1500)]

TMP = ("--tmpfs=/tmp:size=1g,mode=1777",)  # as in containers/compose.yaml


def test_a_video_is_labelled_and_taken_home(images, backend, page, artifacts, tmp_path):
    with running_container("frontend", flags=TMP, BACKEND=backend.url) as frontend:
        wait_until_ready("frontend", frontend)
        page.goto(frontend.url + "/video")
        page.get_by_role("button", name="Try the sample video").click(timeout=60_000)  # its first page: imports
        expect(page.locator(".st-key-screen video")).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Make the labelled video").click()

        link = page.get_by_role("link", name="Labelled video (MP4")
        expect(link).to_be_visible(timeout=60_000)
        page.screenshot(path=artifacts / "container-video.png")
        with page.expect_download() as download:
            link.click()
        download.value.save_as(tmp_path / "home.mp4")
        logs = frontend.logs()

    assert (tmp_path / "home.mp4").read_bytes()[4:8] == b"ftyp"
    assert "Traceback" not in logs


def test_without_a_tmp_the_page_says_that_there_is_no_room(images, frontend, page):
    page.goto(frontend.url + "/video")
    page.get_by_role("button", name="Try the sample video").click(timeout=60_000)

    expect(page.get_by_text("no room for a video")).to_be_visible()
    assert "no room for a video" in frontend.logs()
