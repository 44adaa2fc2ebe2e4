"""Room for what people bring: nobody's upload is copied, nothing is held uncounted, and one person does not fill it for all."""

from contextlib import ExitStack

import pytest
from tests.fake_backend import fake_backend
from tests.web_app import MIB, bring, open_files, photos, running_app, until, upload_under_way, visitor

from sightserve.loadtest.generator.browser import VisitFailed

pytestmark = pytest.mark.slow  # each starts an app of its own, and waits for sessions to end


@pytest.fixture
def backend():
    with fake_backend() as running:
        yield running


def test_two_files_that_are_small_enough_each_and_too_large_together(tmp_path, backend):
    with running_app(tmp_path, backend.url, SIGHTSERVE_UI_SESSION_UPLOAD_MB="10") as app, visitor(app.url) as me:
        assert bring(me, 2, 6 * MIB) == (1, "upload: 413")


def test_a_photo_is_in_memory_once_and_goes_when_another_takes_its_place(tmp_path, backend):
    with running_app(tmp_path, backend.url) as app, visitor(app.url) as me:
        before = app.memory()
        me.upload("photo", photos(8, 24 * MIB))
        until(lambda: app.memory() > before + 180)
        until(lambda: app.memory() < before + 260)  # 192 of them, and not twice

        me.upload("photo", photos(1, MIB))

        until(lambda: app.memory() < before + 60)


def test_a_batch_has_a_few_photos_here_however_many_there_are(tmp_path, backend):
    """A slow backend: what is not asked about yet waits where it was chosen."""
    backend.seconds = 60.0
    with running_app(tmp_path, backend.url) as app, visitor(app.url, "batch") as me:
        before, many = app.memory(), photos(12, 16 * MIB)
        me.offer("batch", many)
        me.press("start")

        with pytest.raises(VisitFailed, match="upload: 503"):
            me.put("batch", many)

        assert len(backend.photos) == 4
        assert app.memory() < before + 4 * 2 * 16 + 48 + 40  # those that are asked about, twice; those ahead; garbage


def test_hundreds_of_phone_photos_go_through_a_little_memory(tmp_path, backend):
    """As much as a session may hold five times over."""
    with (
        running_app(tmp_path, backend.url, SIGHTSERVE_UI_SESSION_UPLOAD_MB="64") as app,
        visitor(app.url, "batch") as me,
    ):
        before, many = app.memory(), photos(80, 4 * MIB)
        me.offer("batch", many)
        me.press("start")
        me.put("batch", many)
        until(lambda: len(backend.photos) == 80)

        assert app.memory() < before + 64 + 100
        while not me.page.done:
            me.watch()
        assert "80 photos answered" in me.page.done


def test_four_tabs_of_one_person_leave_room_for_a_photo_of_the_next(tmp_path, backend):
    with running_app(tmp_path, backend.url, SIGHTSERVE_UI_TOTAL_UPLOAD_MB="200") as app, ExitStack() as tabs:
        brought = [bring(tabs.enter_context(visitor(app.url)), 11, 10 * MIB - 4096) for _ in range(4)]
        next_one = tabs.enter_context(visitor(app.url))
        next_one.upload("photo", photos(1, 3 * MIB))

        assert next_one.page.label
        assert brought[0] == (10, "upload: 413")
        assert [number for number, _ in brought[1:]] == [5, 2, 1]


def test_a_photo_never_touches_the_disk_and_a_video_does(tmp_path, backend):
    """On its way and when it is here. The video shows that this test would see it."""
    with running_app(tmp_path, backend.url) as app, visitor(app.url) as me, visitor(app.url, "video") as other:

        def on_disk():
            paths = [path for path in open_files(app.process.pid) if str(app.temporary) in path]
            return [path for path in paths if not path.endswith("/owner")] + app.files()

        before = app.memory()
        with upload_under_way(me, app.url, "photo", bytes(6 * MIB)):
            until(lambda: app.memory() > before + 4)
            photo = on_disk()
        me.upload("photo", photos(1, 6 * MIB))
        photo += on_disk()
        other.upload("video", [("v.mp4", bytes(12 * MIB))])

        assert photo == []
        assert on_disk() == ["upload"]
