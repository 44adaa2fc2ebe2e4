"""Photos outside the database: there with their correction, gone with it, and never without a row that says where."""

import sqlite3
from contextlib import closing

import pytest
from tests.feedback import predicted, said
from tests.unit.feedback.test_database_recorder import PHOTO, eventually, rows

from sightserve.feedback.corrected import corrected
from sightserve.feedback.errors import DatabaseAway, NoDatabase


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "of people" / "photos"


def test_a_photo_lies_where_it_should_and_goes_with_its_answer(recorder, url, folder):
    kept, made = recorder(url, photos=f"file://{folder}"), predicted()
    kept.predicted(made)
    for after in (1, 2):
        kept.judged(said(made, "wrong", "lynx", photo=PHOTO, after=after)).result(5)

    (file,) = folder.iterdir()
    assert file.read_bytes() == PHOTO
    assert rows(url, "SELECT data FROM photo") == [(None,)]
    assert [each.photo for each in corrected(url)] == [PHOTO]
    kept.forget(made.id).result(5)

    eventually(lambda: not list(folder.iterdir()))
    eventually(lambda: rows(url, "SELECT count(*) FROM photo") == [(0,)])


def test_a_photo_goes_after_its_days(recorder, url, folder, clock):
    kept, made = recorder(url, days=7, photos=f"file://{folder}"), predicted()
    kept.predicted(made)
    kept.judged(said(made, photo=PHOTO)).result(5)

    clock.go(days=8)
    kept.forget("nobody's")  # anything wakes the writer

    eventually(lambda: not list(folder.iterdir()))


def test_a_photo_that_cannot_be_kept_fails_its_correction_and_leaves_nothing(recorder, url, folder, clock):
    kept, made = recorder(url, photos=f"file://{folder}"), predicted()
    kept.predicted(made)
    folder.rmdir()
    folder.write_text("in the way")

    with pytest.raises(DatabaseAway, match="photo cannot be kept"):
        kept.judged(said(made, "wrong", "lynx", photo=PHOTO)).result(5)

    assert rows(url, "SELECT count(*) FROM correction") == [(0,)]
    assert not list(corrected(url))
    folder.unlink()
    folder.mkdir()
    kept.judged(said(made, "wrong", "lynx", photo=PHOTO)).result(5)
    assert [each.photo for each in corrected(url)] == [PHOTO]


def test_a_photo_whose_correction_never_came_is_deleted_within_the_hour(recorder, url, folder, clock):
    """As after a server that was killed between the two."""
    kept, made = recorder(url, photos=f"file://{folder}"), predicted()
    kept.predicted(made)
    kept.judged(said(made, photo=PHOTO)).result(5)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM correction")
        connection.execute("UPDATE photo SET kept = 0, expires = '2026-11-23 13:00:00.000000'")
        connection.commit()

    clock.go(hours=2)
    kept.forget("nobody's")  # anything wakes the writer

    eventually(lambda: not list(folder.iterdir()))


@pytest.mark.parametrize("place", ["/var/photos", "nowhere://x", "file://", "simplecache::file:///x"])
def test_a_place_that_cannot_be_is_refused(recorder, url, place):
    with pytest.raises(NoDatabase, match="photos"):
        recorder(url, photos=place)
