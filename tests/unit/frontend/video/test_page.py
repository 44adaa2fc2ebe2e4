"""The Video page's logic, without a browser, against a backend that says what a test wants."""

import json
import tempfile
import time

import pytest
from streamlit.testing.v1 import AppTest
from tests.conftest import SAMPLES
from tests.unit.frontend.conftest import bring
from tests.videos import coloured

from sightserve.frontend.shared import ledger, settings, workspace
from sightserve.frontend.video import streaming
from sightserve.frontend.video.work import State

SCENES = [("red", 1.0), ("green", 1.0)]


@pytest.fixture
def video_page():
    page = AppTest.from_string("from sightserve.frontend.video import page\npage.page()", default_timeout=20)
    yield page
    if "labelling" in page.session_state:
        page.session_state["labelling"].close()


def upload(page, name, data):
    page.run()
    bring(page, "video", (name, data))


def start(page, key="start"):
    page.button(key=key).click().run()
    return page.session_state["labelling"]


def finish(page, key="start"):
    labelling = start(page, key)
    wait(labelling.work)
    page.run()
    return labelling


def rows(page):
    """What the page's list of segments was given to draw."""
    given = [element.proto for element in page.get("bidi_component")]
    lists = [json.loads(proto.json) for proto in given if proto.component_name == "sightserve.segments"]
    return lists[0]["segments"] if lists else []


def player(page):
    """What the page's player was given to play."""
    given = [element.proto for element in page.get("bidi_component")]
    return next(json.loads(proto.json) for proto in given if proto.component_name == "sightserve.player")


def wait(work, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not work.is_over and time.monotonic() < deadline:
        time.sleep(0.02)
    assert work.is_over


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return coloured(tmp_path_factory.mktemp("video"), "v.mp4", SCENES).read_bytes()


def test_the_limits_are_said_up_front_and_nothing_starts_without_a_video(backend, video_page):
    video_page.run()

    words = json.loads(video_page.get("bidi_component")[0].proto.json)["words"]
    assert words["limits"] == "Up to 200 MB and 60 minutes"
    assert video_page.button(key="start").disabled


def test_a_video_becomes_segments_and_its_bytes_leave_the_uploader(backend, video_page, short):
    upload(video_page, "v.mp4", short)

    labelling = finish(video_page)

    assert labelling.work.state is State.DONE
    assert labelling.source.read_bytes() == short
    assert len(labelling.look().moments) == 8  # 2 seconds, 4 a second
    assert [row["from"] for row in rows(video_page)] == ["0:00.0", "0:01.0"]
    assert video_page.session_state["inbox"].pick("video") is None


def test_the_results_survive_reruns_and_a_new_threshold_sends_nothing_again(backend, video_page, short):
    upload(video_page, "v.mp4", short)
    finish(video_page)
    asked = len(backend.photos)

    video_page.slider(key="video-threshold").set_value(95).run()

    assert {row["label"] for row in rows(video_page)} == {"no label"}
    assert len(backend.photos) == asked


def test_the_sample_is_one_press_away(backend, video_page):
    video_page.run()

    labelling = finish(video_page, key="sample-video")

    assert labelling.work.state is State.DONE
    assert labelling.look().end == pytest.approx(12.0, abs=0.1)


def test_cancel_stops_the_work_and_keeps_what_is_known(backend, video_page):
    backend.seconds = 0.2
    video_page.run()
    labelling = start(video_page, key="sample-video")
    while labelling.look() is None or not labelling.look().moments:
        time.sleep(0.02)
    video_page.run()

    video_page.button(key="cancel-video").click().run()
    wait(labelling.work, 5)
    asked = len(backend.photos)
    time.sleep(0.4)
    video_page.run()

    assert labelling.work.state is State.STOPPED
    assert len(backend.photos) == asked
    assert "Stopped" in video_page.warning[0].value


@pytest.mark.slow
def test_go_on_takes_up_the_work_where_it_stopped(backend, video_page):
    video_page.run()
    backend.seconds = 0.1
    labelling = start(video_page, key="sample-video")
    while labelling.look() is None or len(labelling.look().moments) < 2:
        time.sleep(0.01)
    labelling.work.stop.set()
    wait(labelling.work)
    before, asked = [*labelling.look().moments], len(backend.photos)
    video_page.run()

    video_page.button(key="go-on-video").click().run()
    wait(labelling.work)
    video_page.run()

    assert 2 <= len(before) < 48
    assert labelling.work.state is State.DONE
    assert labelling.look().moments[: len(before)] == before
    assert [moment.time for moment in labelling.look().moments] == [n / 4 for n in range(48)]
    assert len(backend.photos) - asked <= 48 - len(before)
    assert not video_page.warning
    assert "go-on-video" not in {button.key for button in video_page.button}


def test_a_busy_backend_is_given_the_time_that_it_asks_for(backend, video_page, short):
    backend.refusals = [(503, "overloaded", "0.3")] * 3
    upload(video_page, "v.mp4", short)
    started = time.monotonic()

    labelling = finish(video_page)

    assert labelling.work.state is State.DONE
    assert time.monotonic() - started >= 0.3
    assert backend.together <= settings.settings().parallel


def test_what_is_no_video_is_told(backend, video_page):
    upload(video_page, "v.mp4", (SAMPLES / "cat.jpg").read_bytes())

    finish(video_page)

    assert "not a video" in video_page.error[0].value
    assert rows(video_page) == []


def test_a_cut_off_video_shows_what_could_be_read(backend, video_page):
    upload(video_page, "v.mp4", (SAMPLES / "tour.mp4").read_bytes()[:300_000])

    finish(video_page)

    assert "cut off" in video_page.warning[0].value
    assert len(rows(video_page)) > 0


@pytest.mark.slow
def test_a_backend_that_is_away_is_told_before_anything_starts(backend, video_page, short, monkeypatch):
    monkeypatch.setenv("BACKEND", "http://127.0.0.1:9")
    monkeypatch.setenv("SIGHTSERVE_UI_WAIT_SECONDS", "1")
    upload(video_page, "v.mp4", short)

    video_page.button(key="start").click().run()

    assert "away" in video_page.error[0].value
    assert "labelling" not in video_page.session_state


def test_where_no_file_can_be_written_the_page_says_so(backend, video_page, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/home")
    workspace.workspace.cache_clear()
    video_page.run()

    video_page.button(key="sample-video").click().run()

    assert "no room" in video_page.error[0].value
    assert "labelling" not in video_page.session_state
    assert not video_page.exception


def test_a_kind_that_no_browser_plays_is_made_into_the_labelled_video_by_itself_once(backend, video_page, tmp_path):
    path = coloured(tmp_path, "v.avi", SCENES, codec="mpeg4", options={}, audio=("libmp3lame",))
    upload(video_page, "v.avi", path.read_bytes())
    labelling = finish(video_page)
    told, first = " ".join(text.value for text in video_page.markdown), labelling.export

    wait(first)
    video_page.run()
    video_page.slider(key="video-threshold").set_value(95).run()

    assert "does not play this kind of video** (AVI, MPEG-4)" in told
    assert first.state is State.DONE
    assert labelling.export is first
    assert streaming._files[first.secret].read_bytes()[4:8] == b"ftyp"
    assert player(video_page)["source"].startswith(f"videos/{first.secret}/")
    assert "before the threshold was moved" in " ".join(text.value for text in video_page.caption)


@pytest.mark.slow
def test_what_is_cancelled_in_the_players_place_is_not_started_again_by_itself(backend, video_page, tmp_path):
    scenes = [("red", 30.0)]
    path = coloured(tmp_path, "v.avi", scenes, codec="mpeg4", options={}, audio=(), size=(640, 480))
    upload(video_page, "v.avi", path.read_bytes())
    labelling = finish(video_page)
    export = labelling.export

    video_page.button(key="cancel-export").click().run()
    wait(export)
    video_page.run()

    assert labelling.export is export
    assert export.state is State.STOPPED
    assert video_page.button(key="make-video").label == "Make the labelled video"


def labelled(labelling):
    return sorted(path.name for path in labelling.source.parent.iterdir() if path != labelling.source)


def test_another_labelled_video_takes_the_place_of_the_one_before(backend, video_page, short):
    upload(video_page, "v.mp4", short)
    labelling = finish(video_page)
    video_page.button(key="make-video").click().run()
    wait(labelling.export)
    first, files = labelling.export.secret, labelled(labelling)
    video_page.run()
    video_page.slider(key="video-threshold").set_value(95).run()

    video_page.button(key="make-video").click().run()
    wait(labelling.export)

    assert (files, labelled(labelling)) == (["labelled-1.mp4"], ["labelled-2.mp4"])
    assert first not in streaming._files
    assert labelling.export.secret in streaming._files
    held = sum(path.stat().st_size for path in labelling.source.parent.iterdir())
    assert ledger.ledger().held(ledger.Place.DISK).total() == held


def test_a_video_that_the_ledger_has_no_room_for_is_refused_in_words(backend, video_page, monkeypatch):
    monkeypatch.setenv("SIGHTSERVE_UI_TOTAL_VIDEO_MB", "1")
    settings.settings.cache_clear()
    others = ledger.ledger().book("others", 2**20, ledger.Place.DISK)
    video_page.run()

    video_page.button(key="sample-video").click().run()

    assert "no room" in video_page.error[0].value
    assert "labelling" not in video_page.session_state
    assert ledger.ledger().held(ledger.Place.DISK) == {"others": others.size}


def test_a_labelled_video_that_there_is_no_room_for_is_given_up_in_words(backend, video_page, short):
    upload(video_page, "v.mp4", short)
    labelling = finish(video_page)
    disk = ledger.budgets(settings.settings())[ledger.Place.DISK].total
    others = ledger.ledger().book("others", disk, ledger.Place.DISK)

    video_page.button(key="make-video").click().run()
    wait(labelling.export)
    video_page.run()

    assert "no room" in video_page.error[0].value
    assert labelled(labelling) == []
    assert ledger.ledger().held(ledger.Place.DISK)["others"] == others.size


def test_another_video_removes_the_files_and_their_addresses(backend, video_page, short):
    upload(video_page, "v.mp4", short)
    labelling = finish(video_page)
    folder, secret = labelling.source.parent, labelling.secret

    video_page.button(key="another-video").click().run()

    assert not folder.exists()
    assert secret not in streaming._files
    assert video_page.button(key="start").disabled


def test_without_the_extra_the_page_says_what_to_install(backend, video_page, monkeypatch):
    import importlib.util  # noqa: PLC0415

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "av" else found(name, *a))

    video_page.run()

    assert "pip install '.[video]'" in video_page.info[0].value
    assert not video_page.exception
