"""A batch of the Batch page under way: a few threads ask the backend, the page looks at it now and then.

The page's own thread stays free, so that cancelling works at once and a slow backend blocks nobody. How fast to ask, what to
ask again and when to give up is `client.patience`'s; here are the photos and what became of them.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sightserve.api.schema import Prediction
from sightserve.client import ApiError, ClientError
from sightserve.client.patience import GivenUp, Patience
from sightserve.client.retry import FOR_WORK, Retry, is_temporary
from sightserve.frontend.batch.sources import FileRefused, NotYet, Source
from sightserve.frontend.shared import words
from sightserve.frontend.shared.ledger import Account
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.preview import thumbnail
from sightserve.frontend.shared.words import Message

_log = logging.getLogger(__name__)

_RATE_OVER: Final = 10.0  # seconds
_UNSEEN_ENDS: Final = 180.0  # seconds without anyone looking: the page was closed
_OURS: Final = 500  # statuses from here on are not the photo's fault


class State(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    GAVE_UP = "gave up"  # the backend refused everything for too long
    ABANDONED = "abandoned"  # nobody looked any more


@dataclass(frozen=True, slots=True)
class Outcome:
    """One photo of a batch: either its prediction or what went wrong.

    Attributes:
        again: the photo, where what went wrong was not the photo's fault: it is kept to be asked about again.
    """

    index: int
    name: str
    size: int
    prediction: Prediction | None = None
    problem: Message | None = None
    thumbnail: bytes | None = None
    again: Source | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A batch as it is at one moment.

    Attributes:
        rate: photos per second over the last seconds.
        seconds_left: at that rate; None where there is none yet.
        held: seconds until the backend may be asked again, because it asked for time.
    """

    state: State
    total: int
    outcomes: list[Outcome]
    rate: float
    seconds_left: float | None
    held: float

    @property
    def done(self) -> int:
        """How many photos have an outcome."""
        return len(self.outcomes)

    @property
    def failed(self) -> int:
        """How many of them are errors."""
        return sum(outcome.problem is not None for outcome in self.outcomes)

    @property
    def repeatable(self) -> int:
        """How many of the errors may well go away when they are asked about again."""
        return sum(outcome.again is not None for outcome in self.outcomes)


class Job:
    """Classifies many photos. Safe to use from any thread."""

    def __init__(
        self,
        sources: Sequence[Source],
        ask: Callable[[Photo], Prediction],
        *,
        parallel: int,
        everyone: threading.Semaphore | None = None,
        account: Account | None = None,
        retry: Retry = FOR_WORK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a batch; nothing is asked before `start`.

        Args:
            sources: the photos.
            ask: classifies one photo, in any thread; raises a ClientError.
            parallel: how many at once, at most.
            everyone: bounds what all batches together have under way.
            account: where what is made of the photos is booked.
            retry: for how long a photo is asked about again, and when the batch gives up.
            clock: monotonic seconds, for tests.
        """
        self.total = len(sources)
        self._ask = ask
        self._owner = f"batch {id(self)}"  # its thumbnails have their turns among everybody's pictures
        self._parallel = max(1, min(parallel, len(sources)))
        self._everyone = everyone or threading.Semaphore(self._parallel)
        self._clock = clock
        self._retry = retry
        self._made = None if account is None else account.book(0)  # thumbnails
        self._passing: Callable[[int], AbstractContextManager[object]] = (
            nullcontext if account is None else account.passing
        )
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._waiting: deque[tuple[int, Source]] = deque(enumerate(sources))
        self._under_way = 0
        self._closed = False
        self._outcomes: list[Outcome] = []
        self._finished_at: deque[float] = deque(maxlen=512)
        self._answers: dict[str, Prediction] = {}  # by content: the same photo twice is asked about once
        self._state = State.CANCELLED
        self._seen = clock()
        self._stop, self._patience = self._new_patience()

    def _new_patience(self) -> tuple[threading.Event, Patience]:
        stop = threading.Event()
        return stop, Patience(self._parallel, stop, retry=self._retry, everyone=self._everyone, clock=self._clock)

    def start(self) -> None:
        """Start, or go on where it was stopped."""
        with self._changed:
            if self._state is State.RUNNING or not self._waiting:
                return
            self._state = State.RUNNING
            self._seen = self._clock()
            self._stop, self._patience = self._new_patience()
            self._finished_at.clear()
        for number in range(self._parallel):
            threading.Thread(target=self._work, args=(self._patience,), name=f"batch-{number}", daemon=True).start()

    def repeat(self) -> None:
        """Ask again about what failed through no fault of the photo."""
        with self._changed:
            if self._state is State.RUNNING:
                return
            again = [outcome for outcome in self._outcomes if outcome.again is not None]
            self._outcomes = [outcome for outcome in self._outcomes if outcome.again is None]
            self._waiting.extend((outcome.index, outcome.again) for outcome in again if outcome.again is not None)
        self.start()

    def cancel(self) -> None:
        """Start nothing more; what is under way is answered still."""
        with self._changed:
            self._stop.set()
            if self._state is State.RUNNING:
                self._state = State.CANCELLED
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of all photos that are not under way: nobody will want them any more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._outcomes.clear()
        self.cancel()

    @property
    def is_running(self) -> bool:
        """Whether photos are asked about; who wants to know that is no visitor who looks at the batch."""
        return self._state is State.RUNNING

    def view(self) -> View:
        """Return the batch as it is now, and take note that somebody looks at it."""
        with self._changed:
            now = self._seen = self._clock()
            recent = [moment for moment in self._finished_at if now - moment <= _RATE_OVER]
            rate = (len(recent) - 1) / (now - recent[0]) if len(recent) > 1 and now > recent[0] else 0.0
            left = self.total - len(self._outcomes)
            return View(
                state=self._state,
                total=self.total,
                outcomes=sorted(self._outcomes, key=lambda outcome: outcome.index),
                rate=rate,
                seconds_left=left / rate if rate > 0 else None,
                held=self._patience.held,
            )

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is under way any more; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._state is not State.RUNNING and not self._under_way, timeout)

    def _work(self, patience: Patience) -> None:
        while (turn := self._next(patience)) is not None:
            index, source = turn
            try:
                outcome = self._classify(index, source, patience)
            except Exception:  # noqa: BLE001 - a bug of ours: it costs one photo, and a batch that hangs would cost all
                _log.exception("a photo of a batch failed")
                outcome = Outcome(index, source.name, source.size, problem=words.INTERNAL)
            self._end(turn, outcome, patience)

    def _next(self, patience: Patience) -> tuple[int, Source] | None:
        """Return the next photo, or None when there is nothing more to do for who has this patience."""
        with self._changed:
            if self._state is not State.RUNNING or patience is not self._patience or not self._waiting:
                return None
            if self._clock() - self._seen > _UNSEEN_ENDS:
                self._state = State.ABANDONED
                self._stop.set()
                self._changed.notify_all()
                return None
            self._under_way += 1
            return self._waiting.popleft()

    def _classify(self, index: int, source: Source, patience: Patience) -> Outcome | None:
        """Return one photo's outcome, or None when it has to wait until somebody starts the batch again."""
        with self._passing(source.makes) if source.makes else nullcontext():
            return self._read_and_ask(index, source, patience)

    def _read_and_ask(self, index: int, source: Source, patience: Patience) -> Outcome | None:
        try:
            photo = Photo(source.name, source.read())
        except NotYet:
            return None
        except FileRefused as refused:
            return Outcome(index, source.name, source.size, problem=refused.message)
        try:
            prediction = self._answers.get(photo.key) or patience.ask(lambda: self._ask(photo))
        except GivenUp:
            return None
        except ClientError as error:
            if patience.is_hopeless:
                return None
            again = source if is_temporary(error) or not isinstance(error, ApiError) or error.status >= _OURS else None
            return Outcome(index, source.name, source.size, problem=words.explain(error), again=again)
        with self._changed:
            self._answers[photo.key] = prediction
        named = prediction.model_copy(update={"filename": source.name})
        return Outcome(
            index, source.name, len(photo.data), prediction=named, thumbnail=thumbnail(photo.data, self._owner)
        )

    def _end(self, turn: tuple[int, Source], outcome: Outcome | None, patience: Patience) -> None:
        with self._changed:
            self._under_way -= 1
            if self._closed:
                pass  # nobody wants it any more
            elif outcome is None:
                self._waiting.appendleft(turn)
                if self._state is State.RUNNING and patience is self._patience and patience.is_hopeless:
                    self._state = State.GAVE_UP
            else:
                if outcome.again is None:
                    turn[1].let_go()
                if self._made is not None:
                    self._made.add(len(outcome.thumbnail or b""))
                self._outcomes.append(outcome)
                self._finished_at.append(self._clock())
            if not self._waiting and not self._under_way:
                self._state = State.DONE
            self._changed.notify_all()
