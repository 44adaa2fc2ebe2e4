"""Server: answers and what people say of them -> [hashed, bounded, handed to the writer] -> database.

Four threads: one hashes, one writes, one tells those who have waited long enough, one reads; two more take photos to a bucket.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, Final

from sightserve.feedback.database import open_database
from sightserve.feedback.errands import Errands
from sightserve.feedback.errors import DatabaseAway, FeedbackError, NoDatabase
from sightserve.feedback.hangs import Hangs
from sightserve.feedback.pending import Ask, Bound, Pending
from sightserve.feedback.photos import Photos
from sightserve.feedback.records import Correction, Predicted, Summary
from sightserve.feedback.rows import prediction_row
from sightserve.feedback.stats import summarise
from sightserve.feedback.writer import Writer

_MIB: Final = 1 << 20
_LOOK: Final = 0.1  # seconds between looks at who has waited too long
_START: Final = 10.0  # seconds that a start waits for the database
_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class DatabaseRecorder:
    """A recorder.Recorder; no call ever waits for the database, but the constructor, a little.

    Where the database is away at the start, or later, predictions go on without it.
    """

    def __init__(
        self,
        url: str,
        days: int,
        photos_url: str | None = None,
        *,
        clock: Callable[[], datetime] = _now,
        patience: float = 5.0,
        environment: Mapping[str, str] | None = None,
        hang: float = 12.0,
        most_predictions: int = 10_000,
    ) -> None:
        """Open it.

        Args:
            url: of the database.
            days: after which an answer and all that was said of it is deleted.
            photos_url: where photos are kept; in the database where None.
            clock: says what day it is.
            patience: seconds after which a correction has failed.
            environment: says whether this is Cloud Run; the process's where None.
            hang: seconds after which a database that says nothing is left; more than its own bounds.
            most_predictions: that wait for a database that is away.

        Raises:
            NoDatabase: it cannot be used.
        """
        self._database = open_database(url, environment=environment)
        store = Photos(photos_url) if photos_url else None
        self._patience = patience
        self._images = Bound(1_000, 64 * _MIB)
        self._said = Bound(500, 48 * _MIB)
        self._asked = Bound(50, _MIB)
        self._dropped = 0
        self._closed = False
        self._intake: SimpleQueue[Predicted | Ask | None] = SimpleQueue()
        self._pending = Pending(most_predictions)
        self._waiting: deque[tuple[float, Future[Any]]] = deque()
        self._hangs = Hangs(self._database.engine, hang)
        self._summaries: dict[str, Future[Summary]] = {}
        self._reader = Errands("feedback-reader")
        self._writer = Writer(self._database, self._pending, self._said, days, store, clock, self._hangs)
        self._hasher = threading.Thread(target=self._hash, name="feedback-hash", daemon=True)
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="feedback-watch", daemon=True).start()
        self._hasher.start()
        self._writer.start()
        self._await_start()

    @property
    def dropped(self) -> int:
        """Answers that were not kept, since the start."""
        return self._dropped + self._pending.dropped + self._writer.refused

    @property
    def waiting(self) -> int:
        """Answers that are not written yet."""
        return len(self._pending) + self._images.inside

    def predicted(self, made: Predicted) -> None:
        """Keep an answer, soon; where there is no room it is dropped and counted."""
        if self._closed or not self._images.enter(len(made.image) + len(made.answer)):
            self._dropped += 1
            return
        self._intake.put(made)

    def judged(self, correction: Correction) -> Future[None]:
        """Keep a correction; the future is done when it is committed."""
        size = len(correction.photo or b"") + 2 * len(correction.note) + 1_000
        return self._ask(Ask(correction, time.monotonic() + self._patience, size))

    def forget(self, prediction: str) -> Future[None]:
        """Delete an answer with all that was said of it; a photo in a bucket follows at once, or within the hour."""
        return self._ask(Ask(prediction, time.monotonic() + self._patience, len(prediction)))

    def summary(self, model_sha256: str) -> Future[Summary]:
        """Return how right a model was; who asks while another does gets the same answer."""
        if (asked := self._summaries.get(model_sha256)) and not asked.done():
            return asked
        future: Future[Summary] = Future()
        future.set_running_or_notify_cancel()
        if self._closed or not self._asked.enter(1):
            future.set_exception(DatabaseAway("the database does not keep up: try again"))
            return future
        self._summaries = {key: each for key, each in self._summaries.items() if not each.done()}
        self._summaries[model_sha256] = future
        self._waiting.append((time.monotonic() + self._patience, future))
        self._reader.do(lambda: self._summarise(model_sha256, future))
        return future

    def close(self, seconds: float) -> None:
        """Write what there is, for so long at most, and end."""
        until = time.monotonic() + seconds
        self._closed = True
        self._intake.put(None)
        self._hasher.join(seconds)
        ended = self._writer.close(max(until - time.monotonic(), 0))
        ended = self._reader.close(until - time.monotonic()) and ended
        self._ended.set()
        while self._waiting:
            _fail(self._waiting.popleft()[1], "the server ended before the database had it")
        if ended:  # else a thread still has a connection: it ends with the process
            self._database.engine.dispose()
            self._hangs.close()

    def _await_start(self) -> None:
        try:
            self._writer.started.result(_START)
        except NoDatabase:
            self.close(1)
            raise
        except (FeedbackError, FutureTimeoutError) as exc:
            _log.warning("feedback is kept once the database answers: %s", str(exc) or "it takes long")

    def _ask(self, ask: Ask) -> Future[None]:
        if self._closed or not self._said.enter(ask.size):
            _fail(ask.future, "the database does not keep up with what people say: try again later")
            return ask.future
        self._waiting.append((ask.deadline, ask.future))
        self._intake.put(ask)
        return ask.future

    def _hash(self) -> None:
        """Make rows of answers; what comes after one, such as its correction, stays after it."""
        while (item := self._intake.get()) is not None:
            if isinstance(item, Ask):
                self._pending.ask(item)
                item = None  # what is waited for next holds no photo of before
                continue
            size = len(item.image) + len(item.answer)
            try:
                self._pending.add(prediction_row(item))
            except Exception:  # noqa: BLE001 - it is one of many
                self._dropped += 1
                _log.exception("feedback: an answer that cannot be kept")
            item = None
            self._images.leave(size)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            self._hangs.cut()
            now = time.monotonic()
            while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= now):
                _fail(self._waiting.popleft()[1], "the database did not answer in time: try again")

    def _summarise(self, model_sha256: str, future: Future[Summary]) -> None:
        try:
            if future.done():
                return
            with self._hangs.busy(), self._database.reading() as connection:
                summary = summarise(connection, model_sha256)
            _settle(future, summary)
        except FeedbackError as exc:
            _fail(future, str(exc))
        finally:
            self._asked.leave(1)


def _settle(future: Future[Summary], summary: Summary) -> None:
    try:
        future.set_result(summary)
    except InvalidStateError:  # they were told that it takes too long
        return


def _fail(future: Future[Any], words: str) -> None:
    try:
        future.set_exception(DatabaseAway(words))
    except InvalidStateError:
        return
