"""The About page looks again by itself: nobody reloads it to learn that the classifier is there."""

import re

import pytest
from playwright.sync_api import expect
from tests.fake_backend import fake_backend
from tests.processes import free_port, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

READY = re.compile("Ready$")  # an icon stands before it
LOOKS_AGAIN = 15_000  # ms: every five seconds, on a busy machine


@pytest.fixture(scope="module")
def starting(tmp_path_factory):
    log, ui = tmp_path_factory.mktemp("about") / "log", free_port()
    url = f"http://127.0.0.1:{ui}"
    with (
        fake_backend() as backend,
        running("ui", "--port", str(ui), health=f"{url}/_stcore/health", log=log, BACKEND=backend.url),
    ):
        yield backend, url


def test_a_page_that_was_opened_too_early_fills_itself_and_tells_of_a_restart(page, starting):
    backend, url = starting
    backend.ready = backend.models = False
    page.goto(url + "/about")
    expect(page.get_by_text("Not ready")).to_be_visible()
    expect(page.get_by_role("heading", name="What does it know?")).to_be_hidden()

    backend.ready = backend.models = True

    expect(page.get_by_text(READY)).to_be_visible(timeout=LOOKS_AGAIN)
    expect(page.get_by_role("heading", name="What does it know?")).to_be_visible()
    backend.ready = False
    expect(page.get_by_text("Not ready")).to_be_visible(timeout=LOOKS_AGAIN)
    backend.ready = True
    expect(page.get_by_text(READY)).to_be_visible(timeout=LOOKS_AGAIN)
