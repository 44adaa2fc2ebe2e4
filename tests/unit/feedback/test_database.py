"""Which addresses there are, and what is said of the others; tables that are made once, whoever starts."""

import logging
import sqlite3
import stat
import threading
from contextlib import closing

import pytest

from sightserve.feedback.database import open_database
from sightserve.feedback.database_recorder import DatabaseRecorder
from sightserve.feedback.errors import NoDatabase
from sightserve.feedback.schema import migrate


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "no address that can be read"),
        ("feedback.db", "no address that can be read"),
        ("mysql://user:secret@host/name", "SQLite or PostgreSQL, not in mysql"),
        ("postgresql+psycopg2://user:secret@host/name", "not in postgresql[+]psycopg2"),
        ("sqlite://", "is a file"),
        ("sqlite:///:memory:", "is a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "is a file"),
        ("sqlite:////nowhere/at/all/feedback.db", "No such file or directory"),
        ("sqlite:////tmp", "Is a directory"),
        ("postgresql://user:secret@host:port/name", "no address that can be read"),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_words(address, words):
    with pytest.raises(NoDatabase, match=words) as caught:
        open_database(address, environment={})

    assert "secret" not in str(caught.value)


def test_on_cloud_run_a_file_is_refused(tmp_path):
    with pytest.raises(NoDatabase, match=r"disk is memory.*/cloudsql/"):
        DatabaseRecorder(f"sqlite:///{tmp_path}/feedback.db", 30, environment={"K_SERVICE": "backend"})

    assert not list(tmp_path.iterdir())


def test_the_file_is_for_nobody_else(tmp_path, url):
    migrate(open_database(url, environment={}))

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_file_that_is_no_database_or_another_programs_or_of_a_newer_version_is_left_alone(tmp_path):
    (tmp_path / "text.db").write_text("a letter, and no database at all " * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE photo (id)")
    newer = open_database(f"sqlite:///{tmp_path}/newer.db", environment={})
    migrate(newer)
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection:
        connection.execute("UPDATE sightserve_version SET version_num = '0999'")
        connection.commit()

    for name, words in (
        ("text", "not a database"),
        ("other", "tables of another program .photo."),
        ("newer", "newer Sightserve .*0999.* upgrade"),
    ):
        with pytest.raises(NoDatabase, match=words):
            DatabaseRecorder(f"sqlite:///{tmp_path}/{name}.db", 30, environment={})


def test_servers_that_start_at_once_make_the_tables_once(url):
    failures: list[Exception] = []

    def start() -> None:
        try:
            migrate(open_database(url, environment={}))
        except Exception as exc:  # noqa: BLE001 - whatever it is
            failures.append(exc)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert not failures


def test_a_server_starts_without_its_database_and_never_tells_the_password(recorder, caplog):
    with caplog.at_level(logging.DEBUG):
        kept = recorder("postgresql://user:hunter2@127.0.0.1:1/name?application_name=x", patience=0.2)
        future = kept.summary("a" * 64)

        error = future.exception(5)

    assert "127.0.0.1" in caplog.text
    assert "hunter2" not in caplog.text + str(error)
