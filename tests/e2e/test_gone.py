"""What the pages promise about people's photos and videos: kept while the page is open, and gone afterwards."""

import signal

import pytest
import websocket
from tests.fake_backend import fake_backend
from tests.web_app import MIB, ended, photos, running_app, tidy_app, until, upload_under_way, visitor

pytestmark = pytest.mark.slow  # each starts an app of its own, and waits for sessions to end


@pytest.fixture(scope="module")
def backend():
    with fake_backend() as running:
        yield running


def test_who_leaves_last_leaves_nothing_behind(tmp_path, backend):
    """Nobody else comes: no other page that is closed has Streamlit look for what is over."""
    little = {"SIGHTSERVE_UI_SESSION_SECONDS": "2", "SIGHTSERVE_UI_TOTAL_UPLOAD_MB": "300"}
    with tidy_app(tmp_path, backend.url, **little) as app:
        with (
            visitor(app.url, "video") as one,
            visitor(app.url, "batch") as other,
            visitor(app.url) as chooser,
        ):
            one.press("sample-video")
            before = app.memory()
            chooser.upload("photo", photos(6, 20 * MIB))
            backend.seconds = 5.0
            other.upload("batch", photos(6, 5 * MIB))
            other.press("start")  # a batch that is under way holds on to its photos
            held, files = app.memory(), app.files()

        until(lambda: app.files() == [])
        until(lambda: app.memory() < before + 40)

        assert files == ["video.mp4"]
        assert held > before + 110
        backend.seconds = 0.0
        with visitor(app.url) as third:
            third.upload("photo", photos(6, 20 * MIB))


def test_a_page_that_was_only_away_for_a_moment_finds_its_session(tmp_path, backend):
    """A phone that sleeps: the connection goes, and the page asks for the session that it had."""
    with running_app(tmp_path, backend.url, SIGHTSERVE_UI_SESSION_SECONDS="60") as app:
        with visitor(app.url, "video") as away:
            away.press("sample-video")
            session, token = away.page.session, away._token
        until(lambda: app.files() != [])
        address = f"ws{app.url.removeprefix('http')}/_stcore/stream"
        back = websocket.create_connection(
            address, origin=app.url, subprotocols=["streamlit", token, session], cookie=f"_streamlit_xsrf={token}"
        )
        with visitor(app.url) as other:
            back.send_binary(other.page.opened("video"))
            while (message := back.recv()) and isinstance(message, bytes) and other.page.read(message) != "new_session":
                pass

            assert other.page.session == session
        back.close()


@pytest.mark.parametrize("half", ["ui", "up"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_video_on_the_disk(tmp_path, backend, half, how):
    with running_app(tmp_path, backend.url, half) as app, visitor(app.url, "video") as guest:
        guest.press("sample-video")
        until(lambda: app.files() == ["video.mp4"])

        app.process.send_signal(how)
        ended(app.process)

        assert list(app.temporary.iterdir()) == []


def test_a_stop_that_takes_long_removes_the_videos_at_once(tmp_path, backend):
    """The server waits for what is under way, and whoever stops it may lose patience first."""
    with running_app(tmp_path, backend.url) as app, visitor(app.url, "video") as guest, visitor(app.url) as slow:
        guest.press("sample-video")
        until(lambda: app.files() == ["video.mp4"])
        with upload_under_way(slow, app.url, "photo", bytes(MIB)):
            app.process.send_signal(signal.SIGTERM)

            until(lambda: list(app.temporary.iterdir()) == [])
            assert app.process.poll() is None
        app.process.kill()


def test_a_closed_terminal_leaves_no_video_on_the_disk(tmp_path, backend):
    with running_app(tmp_path, backend.url) as app, visitor(app.url, "video") as guest:
        guest.press("sample-video")
        until(lambda: app.files() == ["video.mp4"])

        app.process.send_signal(signal.SIGHUP)

        assert ended(app.process) == -signal.SIGHUP
        assert list(app.temporary.iterdir()) == []


def test_the_next_start_removes_what_a_killed_app_left_and_nothing_of_a_living_one(tmp_path, backend):
    with running_app(tmp_path, backend.url) as living, visitor(living.url, "video") as guest:
        guest.press("sample-video")
        until(lambda: living.files() == ["video.mp4"])
        with running_app(tmp_path, backend.url) as killed, visitor(killed.url, "video") as other:
            other.press("sample-video")
            until(lambda: len(killed.files()) == 2)
            killed.process.kill()
            ended(killed.process)
        left = living.files()

        with running_app(tmp_path, backend.url) as after:
            assert left == ["video.mp4", "video.mp4"]
            assert after.files() == ["video.mp4"]
