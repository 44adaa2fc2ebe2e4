"""What waits -> [one thread: many in a transaction, again until the database has them] -> database."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sightserve.feedback import photos, retention
from sightserve.feedback.database import Database
from sightserve.feedback.errands import Errands
from sightserve.feedback.errors import DatabaseAway, FeedbackError, UnknownPrediction
from sightserve.feedback.hangs import Hangs
from sightserve.feedback.pending import Ask, Batch, Bound, Pending
from sightserve.feedback.records import Correction
from sightserve.feedback.schema import migrate
from sightserve.feedback.transactions import UNKNOWN, Outcome, Upload, add_corrections, add_predictions, forget

_IDLE: Final = 60.0  # seconds after which it looks at the clock, whatever comes
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds between tries
_TIDY: Final = timedelta(hours=1)
_log = logging.getLogger(__name__)


class Writer:
    """Writes until it is told to end.

    Attributes:
        started: done when the tables are as they should be; fails with what stands in the way at first.
        refused: answers that the database does not take.
    """

    def __init__(
        self,
        database: Database,
        pending: Pending,
        bound: Bound,
        days: int,
        store: photos.Photos | None,
        clock: Callable[[], datetime],
        hangs: Hangs,
    ) -> None:
        self._database, self._pending, self._bound = database, pending, bound
        self._days, self._store, self._clock, self._hangs = days, store, clock, hangs
        self._migrated = False
        self._away: str | None = None
        self._pause = _FIRST_PAUSE
        self._tidied: datetime | None = None
        self._ending = threading.Event()
        self._until = float("inf")
        self._uploads = Errands("feedback-photos", 2)
        self.started: Future[None] = Future()
        self._uploading = Bound(2**31, 2**31)
        self.refused = 0
        self._thread = threading.Thread(target=self._run, name="feedback-writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, seconds: float) -> bool:
        """Write what waits, for so long at most, and end; return whether it has ended."""
        self._until = time.monotonic() + seconds
        self._ending.set()
        self._pending.close()
        self._thread.join(seconds)
        ended = self._uploads.close(self._until - time.monotonic()) and not self._thread.is_alive()
        self._end()
        return ended

    def settle(self, ask: Ask, error: FeedbackError | None = None) -> None:
        """Tell who waits; they may have been told already."""
        try:
            if error is None:
                ask.future.set_result(None)
            else:
                ask.future.set_exception(error)
        except InvalidStateError:
            return

    def _drop(self, ask: Ask, error: FeedbackError | None = None) -> None:
        self.settle(ask, error)
        self._bound.leave(ask.size)

    def _run(self) -> None:
        while True:
            try:
                if not self._turn():
                    break
            except Exception as exc:  # noqa: BLE001 - whatever it is, the next one is written
                _log.log(
                    logging.ERROR if self._away is None else logging.DEBUG,
                    "feedback: the database cannot be written",
                    exc_info=True,
                )
                self._is_away(str(exc))
        self._end()

    def _end(self) -> None:
        for ask in self._pending.take_all():
            self._drop(ask, DatabaseAway(f"the server ends, and the database does not answer: {self._away}"))

    def _turn(self) -> bool:
        """Do one thing; return whether there is more to do."""
        if not self._ready():
            self._pending.prune(self._drop)
            if self._ending.is_set() and self._pending.empty:
                return False
            return time.monotonic() < self._until
        batch = self._pending.take(_IDLE if self._tidied else 0, self._drop)
        if batch is not None:
            self._write(batch)
        elif self._ending.is_set():
            if not self._uploading.inside:
                return False
            time.sleep(_FIRST_PAUSE)  # for their corrections
        self._tidy()
        return time.monotonic() < self._until

    def _ready(self) -> bool:
        """Return whether the tables are there; the first try says it to who waits for the start."""
        if self._migrated:
            return True
        try:
            migrate(self._database)
        except FeedbackError as exc:
            if not self.started.done():
                self.started.set_exception(exc)
            self._is_away(str(exc))
            return False
        self._migrated = True
        self._is_back()
        if not self.started.done():
            self.started.set_result(None)
        return True

    def _write(self, batch: Batch) -> None:
        try:
            outcomes = self._transaction(batch)
        except Exception as exc:  # noqa: BLE001 - neither the thread nor the other rows are lost by one
            if not _passes(exc):
                self._one_by_one(batch, exc)
                return
            for ask in batch.asks:
                ask.tried = True
            self._pending.put_back(batch)
            self._is_away(self._database.words(exc))
        else:
            self._is_back()
            self._after(batch.asks, outcomes)

    def _transaction(self, batch: Batch) -> list[Outcome]:
        with (
            self._hangs.busy(),
            self._database.engine.begin() as connection,
        ):
            add_predictions(connection, list(batch.predictions.values()))
            if batch.asks and isinstance(batch.asks[0].what, str):
                (ask,) = batch.asks
                found = forget(connection, [batch.asks[0].what], self._clock())
                return [None if found or ask.tried else UnknownPrediction(UNKNOWN)]
            if batch.asks:
                return add_corrections(connection, batch.asks, self._store, self._days, self._clock())
            return []

    def _one_by_one(self, batch: Batch, error: Exception) -> None:
        """Find out which of them the database refuses; the others are written."""
        if len(batch.predictions) + len(batch.asks) == 1:
            words = self._database.words(error)
            _log.warning("feedback: the database refuses a row: %s", words)
            self.refused += len(batch.predictions)
            for ask in batch.asks:
                self._drop(ask, DatabaseAway(f"the database refuses it: {words}"))
            return
        for key, row in batch.predictions.items():
            self._write(Batch({key: row}, []))
        for ask in batch.asks:
            self._write(Batch({}, [ask]))

    def _after(self, asks: list[Ask], outcomes: list[Outcome]) -> None:
        for ask, outcome in zip(asks, outcomes, strict=True):
            if isinstance(outcome, Upload):
                self._uploading.enter(0)
                self._uploads.do(lambda ask=ask, place=outcome.place: self._upload(ask, place))  # type: ignore[misc]
                continue
            self._drop(ask, outcome)
            if isinstance(ask.what, str) and outcome is None:
                self._uploads.do(self._remove_photos)

    def _upload(self, ask: Ask, place: str) -> None:
        """Put a photo to its place; then its correction is written."""
        try:
            self._put(ask, place)
        finally:
            self._uploading.leave(0)

    def _put(self, ask: Ask, place: str) -> None:
        if ask.future.done() or not isinstance(ask.what, Correction) or ask.what.photo is None:
            self._drop(ask)
            return
        try:
            photos.put(place, ask.what.photo)
        except Exception:  # noqa: BLE001 - each store's library has errors of its own
            _log.warning("feedback: a photo cannot be kept at %s", place, exc_info=True)
            self._drop(ask, DatabaseAway("the photo cannot be kept where photos are kept: try again, or without it"))
            return
        ask.uploaded = True
        self._pending.ask(ask)

    def _tidy(self) -> None:
        """Delete what is too old, now and then."""
        now = self._clock()
        if self._tidied is not None and now - self._tidied < _TIDY:
            return
        self._tidied = None
        try:
            with self._database.told(), self._hangs.busy():
                more = retention.expire(self._database, now - timedelta(days=self._days), now)
        except DatabaseAway as exc:
            self._is_away(str(exc))
            return
        if not more:  # otherwise again after what waits
            self._tidied = now
            self._uploads.do(self._remove_photos)

    def _remove_photos(self) -> None:
        with self._database.told():
            retention.remove_photos(self._database, self._clock())
            self._database.overwrite()

    def _is_away(self, words: str) -> None:
        if self._away is None:
            _log.warning("feedback: the database is away, predictions go on without it: %s", words)
        self._away = words
        self._ending.wait(min(self._pause, max(self._until - time.monotonic(), 0)))
        if self._ending.is_set():
            time.sleep(_FIRST_PAUSE)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _is_back(self) -> None:
        self._pause = _FIRST_PAUSE
        if self._away is not None:
            _log.warning("feedback: the database is back; %d answers were dropped so far", self._pending.dropped)
            self._away = None


def _passes(error: Exception) -> bool:
    """Return whether the database is away, rather than a row one that it does not take."""
    return isinstance(error, DBAPIError | PoolTimeoutError) and not isinstance(error, DataError | IntegrityError)
