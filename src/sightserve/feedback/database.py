"""An address -> [an engine that gives up in time] -> connections. SQLite, or PostgreSQL where several servers share one."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from sightserve.feedback.errors import DatabaseAway, NoDatabase
from sightserve.installing import more

EXAMPLES: Final = "sqlite:///feedback.db or postgresql://user:password@host/name"
_BUSY_MS: Final = 5_000  # that SQLite waits for whoever writes
_CONNECT_S: Final = 4
STATEMENT_MS: Final = 5_000
# What a network that is gone without a word costs: about ten seconds.
_TCP: Final = {
    "keepalives": 1,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Database:
    """A database, which is not asked before somebody connects.

    Attributes:
        engine: SQLAlchemy's.
        place: where it is, without the password: for messages.
    """

    def __init__(self, engine: sa.Engine, place: str, password: str | None) -> None:
        self.engine = engine
        self.place = place
        self._password = password

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Return a connection that only reads: in SQLite it waits for no writer.

        Raises:
            DatabaseAway: it does not answer.
        """
        with self.told(), self.engine.connect().execution_options(sightserve_reads=True) as connection:
            yield connection

    def overwrite(self) -> None:
        """Have what was deleted overwritten: SQLite keeps the pages of before in the file beside it, until they are moved."""
        if self.engine.dialect.name == "sqlite":
            with closing(self.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the driver raises into DatabaseAway."""
        try:
            yield
        except SQLAlchemyError as exc:
            raise DatabaseAway(f"the database {self.place} does not answer: {self.words(exc)}") from exc

    def words(self, error: BaseException) -> str:
        """Return what a driver says: its first line, for the others may have what people wrote in them; no password."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        words = next(iter(str(cause).strip().splitlines()), "") or type(cause).__name__
        return words.replace(self._password, "***") if self._password else words


def open_database(url: str, *, existing: bool = False, environment: Mapping[str, str] | None = None) -> Database:
    """Return the database of an address.

    Args:
        url: `sqlite:///file.db` or `postgresql://user:password@host/name`.
        existing: a file has to be there.
        environment: says whether this is Cloud Run; the process's where None.

    Raises:
        NoDatabase: it is no such address, cannot be used here, or its driver is missing.
    """
    try:
        parsed = sa.make_url(url.strip())
    except (ArgumentError, ValueError) as exc:  # its words may have the password in them
        raise NoDatabase(f"the feedback database has no address that can be read: {EXAMPLES}") from exc
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed, existing, os.environ if environment is None else environment)
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgresql(parsed)
    raise NoDatabase(f"feedback is kept in SQLite or PostgreSQL, not in {parsed.drivername}: {EXAMPLES}")


def _sqlite(url: sa.URL, existing: bool, environment: Mapping[str, str]) -> Database:
    if "K_SERVICE" in environment:
        raise NoDatabase(
            "on Cloud Run a disk is memory, and gone with its instance: name a PostgreSQL, such as Cloud SQL's: "
            "postgresql://user:password@/name?host=/cloudsql/project:region:instance"
        )
    if not url.database or url.database == ":memory:" or url.database.startswith("file:") or url.query or url.host:
        raise NoDatabase("an SQLite database is a file: sqlite:///feedback.db, or sqlite:////var/lib/feedback.db")
    path = Path(url.database)
    try:
        if existing and not path.is_file():
            raise NoDatabase(f"there is no file {path}")
        # nobody else's: what people said is in it. SQLite gives the files beside it the same mode
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise NoDatabase(f"the feedback database {path} cannot be opened: {why}") from exc
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_MS / 1000},
        hide_parameters=True,
        pool_timeout=_CONNECT_S,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine, str(path), None)


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's, behind SQLAlchemy's adapter
    connection.isolation_level = None  # we begin ourselves: the module's own way commits before CREATE TABLE
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # what is acknowledged outlives a power cut
        "foreign_keys=ON",
        "secure_delete=ON",  # what people delete is overwritten
        "journal_size_limit=67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("sightserve_reads")
    # a transaction that reads first and writes later would fail, not wait, where another wrote between
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgresql(url: sa.URL) -> Database:
    try:
        import psycopg  # noqa: F401, PLC0415 - only who has a PostgreSQL needs it
    except ImportError as exc:
        raise NoDatabase(f"PostgreSQL needs psycopg, a part of the extra 'feedback'; {more('feedback')}") from exc
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        # no prepared statements: a pooler between may give each transaction another server
        connect_args={
            "connect_timeout": _CONNECT_S,
            "application_name": "sightserve",
            "prepare_threshold": None,
            **{name: value for name, value in _TCP.items() if name not in url.query},
        },
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=600,
        pool_size=2,
        max_overflow=2,
        pool_timeout=_CONNECT_S,
    )
    event.listen(engine, "begin", _begin_postgresql)
    socket = url.query.get("host")
    host = url.host or (socket if isinstance(socket, str) else "") or "localhost"
    place = f"{url.database or url.username or ''} at {host}" + (f":{url.port}" if url.port else "")
    hidden = url.password or url.query.get("password")
    return Database(engine, place, str(hidden) if hidden else None)


def _begin_postgresql(connection: sa.Connection) -> None:
    ms = connection.get_execution_options().get("sightserve_ms", STATEMENT_MS)
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {ms:d}")
