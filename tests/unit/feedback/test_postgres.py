"""The same in PostgreSQL, which is killed, stopped and started again while people judge."""

import collections
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from tests.feedback import MODEL, predicted, said
from tests.postgres import cut_after_commit
from tests.unit.feedback.test_database_recorder import PHOTO, eventually

from sightserve.feedback.corrected import corrected
from sightserve.feedback.database import open_database
from sightserve.feedback.drift import by_week
from sightserve.feedback.errors import DatabaseAway, NoDatabase, PhotoRefused, UnknownPrediction
from sightserve.feedback.stats import measure

pytestmark = pytest.mark.slow


@pytest.fixture
def url(server):
    """A database of the test's own."""
    name = f"feedback_{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.url.removesuffix("postgres") + name


def count(url: str, what: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {what}").fetchone()
        return int(row[0]) if row else 0


def test_what_one_server_wrote_another_corrects_and_forgets(recorder, url):
    """Both start at once, on an empty database."""
    with ThreadPoolExecutor(4) as threads:
        here, there, *_ = threads.map(recorder, [url] * 4)
    made = predicted("tabby")
    here.predicted(made)
    eventually(lambda: count(url, "prediction") == 1)

    there.judged(said(made, "wrong", "a \0 lynx", photo=PHOTO)).result(5)

    assert [(each.label, each.photo) for each in corrected(url)] == [("a \ufffd lynx", PHOTO)]
    with pytest.raises(PhotoRefused):
        here.judged(said(predicted(key=made.id), photo=PHOTO)).result(5)
    summary = here.summary(MODEL).result(5)
    assert (summary.predictions, summary.judged, summary.right) == (1, 1, 0)
    database = open_database(url)
    with database.reading() as connection:
        assert [week.week for week in by_week(connection)] == ["2026-W48"]
        assert measure(connection).judged.of == 1
    database.engine.dispose()
    here.forget(made.id).result(5)
    with pytest.raises(UnknownPrediction):
        there.judged(said(made)).result(5)
    assert count(url, "photo") == 0


def test_days_are_kept_there_too(recorder, url, clock, tmp_path):
    kept = recorder(url, days=1, photos=f"file://{tmp_path}/photos")
    for _ in range(3):
        for _ in range(400):  # a thousand at once might have no room
            kept.predicted(last := predicted())
        kept.judged(said(last, photo=PHOTO)).result(5)
    eventually(lambda: count(url, "prediction") == 1200)

    clock.go(days=1, seconds=1)
    kept.predicted(predicted(at=clock.now))

    eventually(lambda: count(url, "prediction") == 1)
    eventually(lambda: not list((tmp_path / "photos").iterdir()))
    eventually(lambda: count(url, "photo") == 0)


def test_a_database_that_answers_nobody_is_left_and_found_again(recorder, url, server):
    """Its connections stay open: nothing but our own patience ends them."""
    kept = recorder(url, patience=0.5, hang=1.0)
    kept.predicted(made := predicted())
    kept.judged(said(made)).result(5)
    server.freeze()
    try:
        begun = time.monotonic()
        futures = [kept.judged(said(made)), kept.summary(MODEL)]
        for each in futures:
            with pytest.raises(DatabaseAway):
                each.result(5)
        assert time.monotonic() - begun < 2
        time.sleep(1.5)
    finally:
        server.thaw()

    def answers() -> bool:
        return kept.judged(said(made)).exception(5) is None

    eventually(answers)


def test_a_socket_is_an_address_as_cloud_sqls_is(recorder, url, server):
    kept = recorder(f"postgresql://postgres:unused@/{url.rpartition('/')[2]}?host={server.sockets}")
    kept.predicted(made := predicted())

    kept.judged(said(made)).result(5)

    assert count(url, "correction") == 1


def test_what_waiting_does_not_mend_is_said_at_the_start(recorder, url, server):
    for wrong in (url + "_other", url.replace("postgres@", "nobody:secret@")):
        with pytest.raises(NoDatabase, match="does not exist"):
            recorder(wrong)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    with pytest.raises(NoDatabase, match="permission denied"):
        recorder(url.replace("postgres@", "guest@"))


def test_ten_thousand_corrections_while_it_is_killed_and_restarted(recorder, url, server, capsys):
    """Whatever was acknowledged is there, once; the rest was told that it failed; and no answer ever waited."""
    kept = recorder(url, patience=1.5)
    answers = [predicted(image=bytes(100_000)) for _ in range(1000)]
    slowest: collections.deque[float] = collections.deque()
    acknowledged: set[str] = set()
    failed = collections.Counter[str]()
    done = threading.Semaphore(0)

    def judge(number: int) -> None:
        if number % 10 == 0:
            begun = time.perf_counter()
            kept.predicted(answers[number // 10])
            slowest.append(time.perf_counter() - begun)
        note = f"correction {number}"
        try:
            kept.judged(
                said(answers[number // 10], "right", note=note, photo=PHOTO if number % 7 == 0 else None)
            ).result(9)
            acknowledged.add(note)
        except DatabaseAway:
            failed["away"] += 1
            time.sleep(0.05)
        except UnknownPrediction:  # another thread is ahead of the one that has the answer
            failed["unknown"] += 1
        done.release()

    def disturb() -> None:
        for judged, seconds in ((2000, 0), (3000, 2)):  # the second time longer than anybody waits
            for _ in range(judged):
                done.acquire()
            server.kill()
            time.sleep(seconds)
            server.start()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    with ThreadPoolExecutor(24) as threads:
        list(threads.map(judge, range(10_000)))
    disturber.join()
    kept.close(10)

    with psycopg.connect(url) as connection:
        notes = collections.Counter(note for (note,) in connection.execute("SELECT note FROM correction"))
        photos = connection.execute("SELECT count(*) FROM photo").fetchone()
    with capsys.disabled():
        print(  # noqa: T201 - the figures
            f"\n{len(acknowledged)} acknowledged, {dict(failed)} failed, {len(notes)} there, {kept.dropped} answers dropped, "
            f"{photos} photos; predicted took {sum(slowest) / len(slowest) * 1e3:.3f} ms on average, "
            f"{max(slowest) * 1e3:.2f} ms at most"
        )
    assert acknowledged <= set(notes)
    assert max(notes.values()) == 1
    assert len(acknowledged) + failed.total() == 10_000
    assert len(acknowledged) > 8_000
    assert failed["away"]
    assert max(slowest) < 0.25  # a machine that is busy with twenty-four threads of ours; alone it is microseconds


def test_a_commit_whose_outcome_nobody_knows_is_there_once(recorder, url):
    """The server has committed it, and the connection is cut before it can say so."""
    with cut_after_commit(url) as through:
        kept = recorder(through.url)
        kept.predicted(made := predicted())
        kept.judged(said(made)).result(5)
        through.cuts = 2

        kept.judged(said(made, "right")).result(5)
        assert count(url, "correction WHERE verdict = 'right'") == 1
        through.cuts = 1
        kept.forget(made.id).result(5)

        assert through.cuts == 0
        assert count(url, "prediction") == 0
        kept.close(5)


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(url, tmp_path):
    """PostgreSQL or a file: what is committed stays."""
    root = Path(__file__).parents[3]
    for address in (url, f"sqlite:///{tmp_path}/feedback.db"):
        program = (
            "import os, signal\n"
            "from tests.feedback import predicted, said\n"
            "from sightserve.feedback.database_recorder import DatabaseRecorder\n"
            f"kept = DatabaseRecorder({address!r}, 36500)\n"
            "kept.predicted(made := predicted())\n"
            "kept.judged(said(made, 'wrong', 'lynx', photo=b'JPEG')).result(5)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=root, check=False, timeout=30)

        assert done.returncode == -9
        assert [each.label for each in corrected(address)] == ["lynx"]
