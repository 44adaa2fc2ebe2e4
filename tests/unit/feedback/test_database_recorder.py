"""What people say of answers, kept in SQLite: nobody waits, nothing that was acknowledged is lost, nothing is kept too long."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from tests.feedback import MODEL, predicted, said

from sightserve.feedback.corrected import corrected
from sightserve.feedback.errors import DatabaseAway, PhotoRefused, UnknownPrediction

PHOTO = b"\xff\xd8 a JPEG"


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def busy(url: str) -> Iterator[None]:
    """Hold the database, as somebody does who writes for long."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def eventually(check: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not check():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_correction_finds_its_answer_though_that_is_not_written_yet(recorder, url):
    """The answer waits for others to be written with; what is said of it takes it along."""
    kept = recorder(url)
    answers = [predicted() for _ in range(400)]
    for each in answers:
        kept.predicted(each)

    kept.judged(said(answers[-1], "right")).result(5)

    assert rows(url, "SELECT prediction, verdict FROM correction") == [(answers[-1].id, "right")]
    eventually(lambda: kept.summary(MODEL).result(5).predictions == 400)
    summary = kept.summary(MODEL).result(5)
    assert (summary.judged, summary.right) == (1, 1)
    assert summary.low == pytest.approx(0.2065, abs=1e-4)  # 1 / (1 + 1.96^2), Wilson's lower end for one of one


def test_what_is_kept_of_an_answer_is_no_image(recorder, url):
    kept, made = recorder(url), predicted("tabby", 0.75, image=b"the bytes of an image")
    kept.predicted(made)
    kept.close(5)

    ((sha256, size, label, probability, ranked),) = rows(
        url, "SELECT image_sha256, image_bytes, label, probability, top_k FROM prediction"
    )

    assert (sha256, size, label, probability) == (hashlib.sha256(made.image).hexdigest(), 21, "tabby", 0.75)
    assert ranked == '[["tabby", 0.75], ["lynx", 0.25]]'
    assert rows(url, "SELECT count(*) FROM photo") == [(0,)]


def test_an_id_that_nobody_was_given_is_unknown(recorder, url):
    kept = recorder(url)

    for key in ("never", "with \0 in it", "x" * 1000, "\ud800"):
        with pytest.raises(UnknownPrediction):
            kept.judged(replace(said(predicted()), prediction=key)).result(5)
        with pytest.raises(UnknownPrediction):
            kept.forget(key).result(5)


def test_the_last_correction_counts_and_another_photo_is_refused(recorder, url):
    kept, made = recorder(url), predicted("tabby")
    kept.predicted(made)
    kept.judged(said(made, "wrong", "lynx", photo=PHOTO)).result(5)
    kept.judged(said(made, "wrong", "a \0 new \ud800 one", after=2)).result(5)

    with pytest.raises(PhotoRefused, match="not the photo that was classified"):
        kept.judged(replace(said(made, photo=PHOTO), photo_sha256="0" * 64)).result(5)

    (one,) = corrected(url)
    assert (one.label, one.photo) == ("a \ufffd new ? one", PHOTO)


def test_forgotten_is_all_that_was_said_and_the_photo(recorder, url, tmp_path):
    kept, made = recorder(url), predicted()
    kept.predicted(made)
    kept.judged(said(made, photo=PHOTO)).result(5)
    assert any(PHOTO in path.read_bytes() for path in tmp_path.iterdir())

    kept.forget(made.id).result(5)

    for table in ("prediction", "correction", "photo"):
        assert rows(url, f"SELECT count(*) FROM {table}") == [(0,)]
    with pytest.raises(UnknownPrediction):
        kept.forget(made.id).result(5)
    eventually(lambda: not any(PHOTO in path.read_bytes() for path in tmp_path.iterdir()))  # nor in the log beside it


def test_a_database_that_is_busy_fails_corrections_in_time_and_no_answer(recorder, url):
    kept, made = recorder(url, patience=0.3), predicted()
    with busy(url):
        begun = time.monotonic()
        kept.predicted(made)
        assert time.monotonic() - begun < 0.1
        future = kept.judged(said(made))

        with pytest.raises(DatabaseAway, match="in time"):
            future.result(5)

        assert time.monotonic() - begun < 2
    eventually(lambda: rows(url, "SELECT count(*) FROM prediction") == [(1,)])
    kept.judged(said(made)).result(5)


def test_what_waits_is_bounded_and_the_newest_answers_stay(recorder, url):
    kept = recorder(url, patience=0.1, most_predictions=300)
    with busy(url):
        kept.judged(said(predicted()))  # keeps the writer waiting
        time.sleep(0.05)
        answers = [predicted() for _ in range(800)]
        for each in answers:
            kept.predicted(each)
        large = [kept.judged(said(answers[0], photo=bytes(20 << 20))) for _ in range(3)]
        with pytest.raises(DatabaseAway, match="does not keep up"):
            large[2].result(0)  # at once: two are 40 MiB
        eventually(lambda: kept.waiting == 300)

        assert kept.dropped == 500

    kept.close(10)
    assert {key for (key,) in rows(url, "SELECT id FROM prediction")} == {each.id for each in answers[-300:]}


def test_images_that_are_not_hashed_yet_are_bounded_in_bytes(recorder, url):
    kept = recorder(url)
    image = bytes(40 << 20)

    kept.predicted(predicted(image=image))
    kept.predicted(predicted(image=image))

    assert kept.dropped == 1


def test_an_answer_that_is_none_is_dropped_and_the_others_are_kept(recorder, url):
    kept = recorder(url)
    kept.predicted(replace(predicted(), answer="{}"))
    kept.predicted(replace(predicted(), model_sha256="\0"))
    made = predicted()
    kept.predicted(made)

    kept.judged(said(made)).result(5)

    assert kept.dropped == 1


def test_all_of_it_is_deleted_after_its_days(recorder, url, clock):
    kept, old = recorder(url, days=30), predicted()
    kept.predicted(old)
    kept.judged(said(old, "wrong", "lynx", photo=PHOTO)).result(5)

    clock.go(days=29, hours=23)
    young = predicted(at=clock.now)
    kept.predicted(young)
    kept.judged(said(young)).result(5)
    assert rows(url, "SELECT count(*) FROM prediction") == [(2,)]
    clock.go(hours=2)
    kept.judged(said(young, after=2)).result(5)  # anything wakes the writer

    eventually(lambda: rows(url, "SELECT id FROM prediction") == [(young.id,)])
    eventually(lambda: rows(url, "SELECT count(*) FROM photo") == [(0,)])
    assert {key for (key,) in rows(url, "SELECT prediction FROM correction")} == {young.id}


def test_closing_writes_what_waits(recorder, url):
    kept = recorder(url)
    for _ in range(700):
        kept.predicted(predicted())

    kept.close(10)

    assert rows(url, "SELECT count(*) FROM prediction") == [(700,)]
    with pytest.raises(DatabaseAway):
        kept.judged(said(predicted())).result(0)
    kept.predicted(predicted())
    assert kept.dropped == 1


def test_closing_ends_in_time_though_the_database_is_busy(recorder, url):
    kept, made = recorder(url, patience=60), predicted()
    with busy(url):
        kept.predicted(made)
        future = kept.judged(said(made))
        begun = time.monotonic()

        kept.close(0.3)

        assert time.monotonic() - begun < 2
        with pytest.raises(DatabaseAway):
            future.result(0)
