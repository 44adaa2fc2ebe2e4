"""When the backend is away, asleep or slow, and who else notices."""

import re
import time
import urllib.request

import pytest
from playwright.sync_api import expect
from tests.conftest import SAMPLES
from tests.fake_backend import fake_backend
from tests.processes import free_port, running
from tests.web_app import running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def slow_backend_and_ui(tmp_path_factory):
    log, ui = tmp_path_factory.mktemp("slow") / "log", free_port()
    health = f"http://127.0.0.1:{ui}/_stcore/health"
    with fake_backend() as backend, running("ui", "--port", str(ui), health=health, log=log, BACKEND=backend.url):
        yield backend, f"http://127.0.0.1:{ui}"


@pytest.fixture(scope="module")
def lonely_ui(tmp_path_factory):
    """A web app without a backend that has little patience and little room."""
    log, ui = tmp_path_factory.mktemp("lonely") / "log", free_port()
    url = f"http://127.0.0.1:{ui}"
    little = {"SIGHTSERVE_UI_WAIT_SECONDS": "1", "SIGHTSERVE_UI_SESSION_UPLOAD_MB": "1"}
    nobody = f"http://127.0.0.1:{free_port()}"
    with running("ui", "--port", str(ui), health=f"{url}/_stcore/health", log=log, BACKEND=nobody, **little):
        yield url


@pytest.mark.slow
def test_a_backend_that_comes_back_answers_without_another_press(page, tmp_path):
    ui, api = free_port(), free_port()
    url = f"http://127.0.0.1:{ui}"
    log = tmp_path / "log"
    with running("ui", "--port", str(ui), health=f"{url}/_stcore/health", log=log, BACKEND=f"http://127.0.0.1:{api}"):
        page.goto(url + "/about")
        expect(page.get_by_text("The classifier is away")).to_be_visible()
        page.goto(url)
        page.get_by_role("button", name="Coffee").click()
        expect(page.get_by_text("The classifier is waking up").first).to_be_visible()
        expect(page.get_by_alt_text("A cup of espresso on a saucer")).to_be_visible()

        ready = f"http://127.0.0.1:{api}/health/ready"
        with running("serve", "--port", str(api), health=ready, log=tmp_path / "api"):
            expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["photo", "batch"])
def test_what_was_wanted_while_the_backend_wakes_up_is_done_whatever_else_is_touched(page, tmp_path, where):
    with fake_backend() as backend, running_app(tmp_path, backend.url) as app:
        backend.ready, backend.models = False, False
        page.goto(app.url if where == "photo" else f"{app.url}/batch")
        page.locator("input.files").set_input_files(SAMPLES / "cat.jpg")
        if where == "batch":
            page.locator(".st-key-start button").click()
        expect(page.get_by_text("The classifier is waking up").first).to_be_visible()

        page.get_by_role("button", name="Settings").click()
        page.get_by_role("slider").first.press("ArrowRight")
        page.get_by_role("slider").last.press("ArrowLeft")
        page.wait_for_timeout(1000)  # in which the page is made anew
        backend.ready, backend.models = True, True

        expect(page.get_by_text("Answered in" if where == "photo" else "1 photo answered")).to_be_visible()


@pytest.mark.slow  # the page tests without a browser have it too
def test_a_backend_that_stays_away_is_an_error_that_says_what_to_do(page, lonely_ui):
    page.goto(lonely_ui + "/?sample=cat")

    expect(page.get_by_text("The classifier is away")).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


@pytest.mark.slow
def test_a_slow_answer_for_one_blocks_nobody_else(new_page, slow_backend_and_ui):
    backend, url = slow_backend_and_ui
    waiting, other = new_page(), new_page()
    waiting.goto(url)
    expect(waiting.get_by_role("button", name="Coffee")).to_be_visible()
    backend.seconds = 5.0
    waiting.get_by_role("button", name="Coffee").click()
    expect(waiting.get_by_text("Looking at the photo")).to_be_visible()
    backend.seconds = 0.0

    started = time.monotonic()
    other.goto(url + "/?sample=cat")
    expect(other.get_by_text("Answered in")).to_be_visible()
    seconds = time.monotonic() - started

    assert seconds < 4.5
    expect(waiting.get_by_text("Looking at the photo")).to_be_visible()
    expect(waiting.get_by_text("Answered in")).to_be_visible()


def test_a_batch_shows_its_progress_and_is_cancelled_at_once(page, slow_backend_and_ui):
    backend, url = slow_backend_and_ui
    backend.seconds = 1.0
    page.goto(url + "/batch")
    page.locator("input.files").set_input_files(sorted(SAMPLES.glob("*.jpg")))
    page.get_by_role("button", name="Classify 6 photos").click()
    expect(page.get_by_text(re.compile(r"\d of 6(?! sent)"))).to_be_visible()

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Stopped.")).to_be_visible()
    backend.seconds = 0.0
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("6 photos answered")).to_be_visible()


def test_an_upload_beyond_the_sessions_budget_is_refused_and_health_goes_on(page, lonely_ui, tmp_path):
    large = tmp_path / "large.jpg"
    large.write_bytes(b"\xff\xd8\xff" + bytes(2 * 2**20))
    page.goto(lonely_ui)
    chooser = page.locator("input.files")

    with page.expect_response(lambda answer: "/inbox/" in answer.url and answer.request.method == "PUT") as answer:
        chooser.set_input_files(large)

    assert answer.value.status == 413
    expect(page.get_by_text("large.jpg: This file is too large.")).to_be_visible()
    assert urllib.request.urlopen(f"{lonely_ui}/_stcore/health", timeout=5).read() == b"ok"


@pytest.mark.slow
def test_the_app_itself_away_is_said_in_words_of_ours_and_it_comes_back(page, tmp_path):
    with fake_backend() as backend, running_app(tmp_path, backend.url) as app:
        page.goto(app.url)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    dialog = page.get_by_role("dialog")

    expect(dialog).to_contain_text("The app is away at the moment")
    expect(dialog).to_contain_text("It comes back to this page by itself")
    expect(dialog).not_to_contain_text(re.compile("streamlit", re.IGNORECASE))


@pytest.mark.slow
def test_an_address_without_a_page_is_said_in_words_of_ours(page, lonely_ui):
    page.goto(f"{lonely_ui}/nope")

    expect(page.get_by_role("dialog")).to_contain_text("There is no such page")
