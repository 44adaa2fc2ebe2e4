"""A database -> [tables as this version wants them, made or changed by one server at a time] -> the same."""

from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from sightserve.feedback.database import Database
from sightserve.feedback.errors import DatabaseAway, NoDatabase

VERSION_TABLE: Final = "sightserve_version"  # not Alembic's own name: another program's tables may be here too
# What waiting does not mend. psycopg has no codes for a connection that was refused; where a server says it in another
# language, it is taken for one that is away.
_NEVER: Final = (
    *("unable to open", "readonly"),
    *("does not exist", "authentication failed", "no pg_hba.conf entry", "no password supplied"),
)
_LOCK: Final = 0x7369676874  # any number that others do not take: "sight"
_PATIENCE_MS: Final = 60_000  # for others who migrate, and for a table with millions of rows


def migrate(database: Database) -> None:
    """Bring the tables to this version; several servers may start at once.

    Raises:
        NoDatabase: it was made by a newer version, has tables of these names that are not ours, or is no database.
        DatabaseAway: it does not answer.
    """
    config = Config()
    config.set_main_option("script_location", "sightserve.feedback:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with (
            database.engine.connect().execution_options(sightserve_ms=_PATIENCE_MS) as connection,
            connection.begin(),
        ):
            # SQLite's BEGIN IMMEDIATE is its lock already
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            if _needed(connection, config, database.place):
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except OperationalError as exc:
        words = database.words(exc)
        if any(sign in words for sign in _NEVER):
            raise NoDatabase(f"the feedback database {database.place} cannot be used: {words}") from exc
        raise DatabaseAway(f"the feedback database {database.place} does not answer: {words}") from exc
    except DatabaseError as exc:  # no rights, not a database
        raise NoDatabase(f"the feedback database {database.place} cannot be used: {database.words(exc)}") from exc
    except SQLAlchemyError as exc:
        raise DatabaseAway(f"the feedback database {database.place} does not answer: {database.words(exc)}") from exc


def _needed(connection: sa.Connection, config: Config, place: str) -> bool:
    """Return whether there is something to change."""
    scripts = ScriptDirectory.from_config(config)
    there = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if there is None:
        names = sorted({"prediction", "correction", "photo"} & set(sa.inspect(connection).get_table_names()))
        if names:
            raise NoDatabase(
                f"the database {place} has tables of another program ({', '.join(names)}): name one of Sightserve's own"
            )
        return True
    if there not in {script.revision for script in scripts.walk_revisions()}:
        raise NoDatabase(
            f"the feedback database {place} was made by a newer Sightserve (its tables are of version {there}, this one "
            f"knows {scripts.get_current_head()}): upgrade Sightserve, or name another database"
        )
    return there != scripts.get_current_head()
