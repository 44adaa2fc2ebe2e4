"""What is written in one transaction; each may run twice, and then it is as if it had run once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sightserve.feedback.errors import DatabaseAway, FeedbackError, PhotoRefused, UnknownPrediction
from sightserve.feedback.pending import Ask
from sightserve.feedback.photos import Photos
from sightserve.feedback.records import Correction
from sightserve.feedback.rows import Row, correction_row, text
from sightserve.feedback.tables import correction, photo, prediction

_UNDER_WAY: Final = timedelta(hours=1)  # after that, a photo whose correction never came is deleted
UNKNOWN: Final = "nobody was given this id, or its answer is no longer kept"


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo has to go to its place first; then its correction is written."""

    place: str


Outcome = FeedbackError | Upload | None  # None: it is written


def add_predictions(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Write answers; those that are there stay as they are."""
    if rows:
        # in one order everywhere: two servers that wait for each other's rows would never end
        connection.execute(_insert(connection, prediction).on_conflict_do_nothing(), sorted(rows, key=_id))


def add_corrections(
    connection: sa.Connection, asks: Sequence[Ask], photos: Photos | None, days: int, now: datetime
) -> list[Outcome]:
    """Write corrections with their photos; return what became of each, once it is committed."""
    said = [ask.what for ask in asks if isinstance(ask.what, Correction)]
    about = sorted({text(each.prediction) for each in said})
    found = {
        row.id: row
        for row in connection.execute(
            sa.select(prediction.c.id, prediction.c.at, prediction.c.image_sha256)
            .where(prediction.c.id.in_(about))
            .order_by(prediction.c.id)
            .with_for_update(key_share=True)  # nobody deletes it, or gives it a photo, until we are done
        )
    }
    with_photo = sorted({text(each.prediction) for each in said if each.photo is not None})
    there = {
        row.prediction: row
        for row in connection.execute(
            sa.select(photo.c.prediction, photo.c.place, photo.c.kept, photo.c.expires).where(
                photo.c.prediction.in_(with_photo)
            )
        )
    }
    keeper = _PhotoKeeper(connection, there, photos, days, now)
    outcomes: list[Outcome] = []
    rows: list[Row] = []
    for ask, each in zip(asks, said, strict=True):
        answer = found.get(text(each.prediction))
        outcome: Outcome = None
        if answer is None:
            outcome = UnknownPrediction(UNKNOWN)
        elif each.photo is not None:
            outcome = keeper.keep(answer, each.photo, each.photo_sha256, uploaded=ask.uploaded)
        if outcome is None:
            rows.append({"id": ask.id, **correction_row(each)})
        outcomes.append(outcome)
    if rows:
        connection.execute(_insert(connection, correction).on_conflict_do_nothing(), rows)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Kept:
    """What there is of a photo: columns of its row."""

    place: str | None
    kept: bool
    expires: datetime


@dataclass(frozen=True, slots=True)
class _PhotoKeeper:
    """Writes photos' rows; those of `there` are there already."""

    connection: sa.Connection
    there: dict[str, Any]
    photos: Photos | None
    days: int
    now: datetime

    def keep(self, answer: Any, data: bytes, sha256: str | None, *, uploaded: bool) -> Outcome:  # noqa: ANN401 - a row
        """Keep the photo of an answer."""
        if sha256 != answer.image_sha256:
            return PhotoRefused("this is not the photo that was classified: its bytes are others")
        there, expires = self.there.get(answer.id), answer.at + timedelta(days=self.days)
        if there is None:
            return self._add(answer, data, expires)
        if there.kept:  # one is enough
            return None
        if there.expires <= self.now:  # on its way out, and nobody knows how far
            return DatabaseAway("an earlier photo of this answer is being deleted: try again in a minute")
        row = _Kept(there.place, uploaded, expires if uploaded else min(self.now + _UNDER_WAY, expires))
        self.connection.execute(
            photo.update().where(photo.c.prediction == answer.id).values(kept=row.kept, expires=row.expires)
        )
        self.there[answer.id] = row
        return None if uploaded else Upload(there.place)

    def _add(self, answer: Any, data: bytes, expires: datetime) -> Outcome:  # noqa: ANN401
        place = self.photos.new_place() if self.photos else None
        row = _Kept(place, place is None, min(self.now + _UNDER_WAY, expires) if place else expires)
        self.connection.execute(
            photo.insert().values(
                prediction=answer.id,
                image_sha256=answer.image_sha256,
                data=None if place else data,
                place=place,
                kept=row.kept,
                expires=row.expires,
            )
        )
        self.there[answer.id] = row
        return Upload(place) if place else None


def forget(connection: sa.Connection, ids: Iterable[str], now: datetime) -> int:
    """Delete answers with all that was said of them; return how many there were.

    Photos outside the database are left to `retention.remove_photos`, which finds them expired.
    """
    keys = [text(each) for each in ids]
    connection.execute(photo.delete().where(photo.c.prediction.in_(keys), photo.c.place.is_(None)))
    connection.execute(photo.update().where(photo.c.prediction.in_(keys)).values(kept=False, expires=now))
    return connection.execute(prediction.delete().where(prediction.c.id.in_(keys))).rowcount


def _insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _id(row: Row) -> str:
    key: str = row["id"]
    return key
