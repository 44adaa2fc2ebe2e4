"""Database -> [photos that people gave, with what they show] -> training."""

from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from sightserve.feedback import photos
from sightserve.feedback.database import Database, open_database
from sightserve.feedback.errors import DatabaseAway
from sightserve.feedback.records import Corrected
from sightserve.feedback.schema import migrate
from sightserve.feedback.stats import last_words, truth
from sightserve.feedback.tables import photo


def corrected(url: str) -> Iterator[Corrected]:
    """Yield each photo once, with the label that it was given last; those whose last word names none are left out.

    Raises:
        NoDatabase: there is none at this address.
        DatabaseAway: it does not answer, or a photo cannot be had from where it lies.
    """
    database = open_database(url, existing=True)
    try:
        migrate(database)
        yield from given(database)
    finally:
        database.engine.dispose()


def given(database: Database) -> Iterator[Corrected]:
    """Yield the same of a database that is open, in the order of the photos' sha256."""
    now = datetime.now(UTC)
    with database.reading() as connection:
        said: dict[str, tuple[datetime, str | None]] = {}
        for row in connection.execute(last_words(), execution_options={"yield_per": 1000}):
            if row.image_sha256 not in said or said[row.image_sha256][0] < row.said_at:
                said[row.image_sha256] = row.said_at, truth(row)
        there: dict[str, str] = {}  # one for each image: several may have sent the same
        for row in connection.execute(
            sa.select(photo.c.image_sha256, photo.c.prediction)
            .where(photo.c.kept, photo.c.expires > now)
            .order_by(photo.c.image_sha256, photo.c.prediction)
        ):
            there.setdefault(row.image_sha256, row.prediction)
    for sha256, prediction in there.items():
        at, label = said.get(sha256, (now, None))
        if label is not None and (data := photo_of(database, prediction)) is not None:
            yield Corrected(sha256, label, data, at)


def photo_of(database: Database, prediction: str) -> bytes | None:
    """Return the photo that somebody gave with an answer; None where there is none.

    Raises:
        DatabaseAway: it cannot be had.
    """
    with database.reading() as connection:
        row = connection.execute(
            sa.select(photo.c.data, photo.c.place).where(photo.c.prediction == prediction, photo.c.kept)
        ).first()
    if row is None or row.place is None:
        return None if row is None else bytes(row.data)
    try:
        return photos.read(row.place)
    except Exception as exc:  # each store's library has errors of its own
        raise DatabaseAway(f"the photo {row.place} cannot be read: {type(exc).__name__}: {exc}") from exc
