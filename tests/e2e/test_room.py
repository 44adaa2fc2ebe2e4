"""Room for what people bring: nobody's upload is copied, nothing is held uncounted, and one person does not fill it for all."""

from contextlib import ExitStack

import pytest
from tests.fake_backend import fake_backend
from tests.web_app import MIB, open_files, photos, running_app, until, upload_under_way, visitor

from sightserve.loadtest.generator.browser import VisitFailed

pytestmark = pytest.mark.slow  # each starts an app of its own, and waits for sessions to end


@pytest.fixture
def backend():
    with fake_backend() as running:
        yield running


def bring(browser, number, size):
    """Put photos into the Batch page until one is refused; return how many came in, and what was said of the other."""
    taken = 0
    for photo in photos(number, size):
        try:
            browser.upload("batch", [photo])
        except VisitFailed as failed:
            return taken, str(failed)
        taken += 1
    return taken, ""


def test_two_files_that_are_small_enough_each_and_too_large_together(tmp_path, backend):
    with (
        running_app(tmp_path, backend.url, SIGHTSERVE_UI_SESSION_UPLOAD_MB="10") as app,
        visitor(app.url, "batch") as me,
    ):
        assert bring(me, 2, 6 * MIB) == (1, "upload: 413")


def test_an_upload_is_in_memory_once_and_goes_when_its_photo_is_answered(tmp_path, backend):
    """Streamlit copies the values of its widgets in every run of the script, and keeps files until their session ends."""
    with running_app(tmp_path, backend.url) as app, visitor(app.url, "batch") as me:
        before = app.memory()
        me.upload("batch", photos(8, 24 * MIB))
        until(lambda: app.memory() > before + 180)
        until(lambda: app.memory() < before + 260)  # 192 of them, and not twice

        me.press("start")

        until(lambda: len(backend.photos) == 8)
        until(lambda: app.memory() < before + 60)


def test_however_many_batches_there_are_no_more_is_held_than_the_budget(tmp_path, backend):
    """A slow backend: the photos of a batch wait, and Streamlit's own copies, which are counted, are freed at its start."""
    backend.seconds = 60.0
    with running_app(tmp_path, backend.url, SIGHTSERVE_UI_TOTAL_UPLOAD_MB="200") as app, ExitStack() as guests:
        guests.enter_context(visitor(app.url))
        before, refusals = app.memory(), []
        for _ in range(5):
            guest = guests.enter_context(visitor(app.url, "batch"))
            try:
                guest.upload("batch", photos(6, 16 * MIB))
            except VisitFailed as failed:
                refusals.append(str(failed))
            else:
                guest.press("start")

        assert refusals == ["upload: 503"] * 4
        until(lambda: app.memory() < before + 200 + 80)  # the budget, and what requests and garbage take


def test_four_tabs_of_one_person_leave_room_for_a_photo_of_the_next(tmp_path, backend):
    with running_app(tmp_path, backend.url, SIGHTSERVE_UI_TOTAL_UPLOAD_MB="200") as app, ExitStack() as tabs:
        brought = [bring(tabs.enter_context(visitor(app.url, "batch")), 11, 10 * MIB - 4096) for _ in range(4)]
        next_one = tabs.enter_context(visitor(app.url))
        next_one.upload("photo", photos(1, 3 * MIB))
        next_one.press("classify")

        assert next_one.page.label
        assert brought[0] == (10, "upload: 413")
        assert [number for number, _ in brought[1:]] == [5, 2, 1]


def test_a_photo_never_touches_the_disk_and_a_video_that_is_larger_does(tmp_path, backend):
    """What is on its way already: Starlette would spool it. The video shows that this test would see that."""
    little = {"SIGHTSERVE_UI_MAX_UPLOAD_MB": "6", "SIGHTSERVE_UI_MAX_VIDEO_MB": "20"}
    with running_app(tmp_path, backend.url, **little) as app, visitor(app.url) as me:

        def on_disk():
            return [path for path in open_files(app.process.pid) if str(app.temporary) in path]

        before = app.memory()
        with upload_under_way(me, app.url, "a.jpg", bytes(6 * MIB)):
            until(lambda: app.memory() > before + 4)
            photo = on_disk()
        with upload_under_way(me, app.url, "v.mp4", bytes(12 * MIB)):
            until(lambda: on_disk() != [])

        assert photo == []
