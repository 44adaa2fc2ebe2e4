"""What is older than it may be -> [deleted, a little at a time]; each hour, and by `sightserve feedback purge`."""

import logging
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from sightserve.feedback import photos
from sightserve.feedback.database import Database
from sightserve.feedback.tables import photo, prediction
from sightserve.feedback.transactions import forget

_AT_ONCE: Final = 500  # in one transaction: who writes waits for it
_PHOTOS: Final = 50
_log = logging.getLogger(__name__)


def older(database: Database, before: datetime) -> int:
    """Return how many answers were given before a time."""
    with database.reading() as connection:
        count = sa.select(sa.func.count()).select_from(prediction).where(prediction.c.at < before)
        return connection.scalar(count) or 0


def expire(database: Database, before: datetime, now: datetime) -> int:
    """Delete some answers that were given before a time, with all that was said of them; return how many.

    Raises:
        SQLAlchemyError: the database does not do it.
    """
    with database.engine.begin() as connection:
        old = (
            sa.select(prediction.c.id)
            .where(prediction.c.at < before)
            .order_by(prediction.c.at)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)  # another server has them
        )
        ids = connection.scalars(old).all()
        if ids:
            forget(connection, ids, now)
        return len(ids)


def remove_photos(database: Database, now: datetime) -> int:
    """Delete the photos whose time is over, outside the database first; return how many are left, for they cannot be deleted.

    Raises:
        SQLAlchemyError: the database does not do it.
    """
    over = photo.c.expires <= now
    while True:
        some = sa.select(photo.c.prediction).where(over, photo.c.place.is_(None)).limit(_PHOTOS)
        with database.engine.begin() as connection:
            if not connection.execute(photo.delete().where(photo.c.prediction.in_(some))).rowcount:
                break
    left, last = 0, ""
    while True:
        with database.engine.connect().execution_options(sightserve_reads=True) as connection:
            rows = connection.execute(
                sa.select(photo.c.prediction, photo.c.place)
                .where(over, photo.c.place.is_not(None), photo.c.prediction > last)
                .order_by(photo.c.prediction)
                .limit(_PHOTOS)
            ).all()
        if not rows:
            return left
        last = rows[-1].prediction
        gone = [row.prediction for row in rows if _removed(row.place)]
        left += len(rows) - len(gone)
        with database.engine.begin() as connection:
            connection.execute(photo.delete().where(over, photo.c.prediction.in_(gone)))


def _removed(place: str) -> bool:
    try:
        photos.remove(place)
    except Exception:  # noqa: BLE001 - each store's library has errors of its own
        _log.warning("a photo at %s cannot be deleted; it is tried again within the hour", place, exc_info=True)
        return False
    return True
