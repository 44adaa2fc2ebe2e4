"""A batch of the Batch page under way: a few threads ask the backend, the page looks at it now and then.

The page's own thread stays free, so that cancelling works at once and a slow backend blocks nobody. How fast to ask, what to
ask again and when to give up is `client.patience`'s; here are the photos and what became of them.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Final

from sightserve.api.schema import Prediction
from sightserve.client import ApiError, ClientError
from sightserve.client.patience import GivenUp, Patience
from sightserve.client.retry import FOR_WORK, Retry, is_temporary
from sightserve.frontend.batch.outcomes import Outcome, State, View
from sightserve.frontend.batch.sorted_zip import SortedZip, name_of
from sightserve.frontend.inbox.sources import FileRefused, NotYet, Source
from sightserve.frontend.shared import words
from sightserve.frontend.shared.ledger import Account
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.preview import Pictures, pictures
from sightserve.frontend.shared.spare import Spare

_log = logging.getLogger(__name__)

_RATE_OVER: Final = 10.0  # seconds
_UNSEEN_ENDS: Final = 180.0  # seconds without anyone looking: the page was closed
_OURS: Final = 500  # statuses from here on are not the photo's fault
_PREVIEW: Final = 320  # pixels, longest side: of the photo that is opened
_THUMBNAIL: Final = 112  # of each row of the table, on screens of two pixels a point


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
        spare: Spare[Source] | None = None,
        retry: Retry = FOR_WORK,
        max_pixels: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a batch; nothing is asked before `start`.

        Args:
            sources: the photos.
            ask: classifies one photo, in any thread; raises a ClientError.
            parallel: how many at once, at most.
            everyone: bounds what all batches together have under way.
            account: where what is made of the photos is booked.
            spare: where answered photos are kept for as long as nobody needs their room.
            retry: for how long a photo is asked about again, and when the batch gives up.
            max_pixels: that a photo may have, for the words about one that has more.
            clock: monotonic seconds, for tests.
        """
        self.total = len(sources)
        self._ask = ask
        self._owner = f"batch {id(self)}"  # its thumbnails have their turns among everybody's pictures
        self._parallel = max(1, min(parallel, len(sources)))
        self._everyone = everyone or threading.Semaphore(self._parallel)
        self._clock = clock
        self._retry = retry
        self._max_pixels = max_pixels
        self._spare = spare
        self.sorted_zip = None if account is None or spare is None else SortedZip(spare, account)
        self._made = None if account is None else account.book(0)  # pictures
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
        self._seen = self._began = clock()
        self._seconds = 0.0
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
            self._seen = self._began = self._clock()
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
            if self._made is not None:
                self._made.add(-sum(outcome.shown_bytes for outcome in again))
        self.start()

    def cancel(self) -> None:
        """Start nothing more; what is under way is answered still."""
        with self._changed:
            self._stop.set()
            if self._state is State.RUNNING:
                self._end_as(State.CANCELLED)
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of all photos that are not under way: nobody will want them any more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._outcomes.clear()
            if self._spare is not None:
                self._spare.let_go()
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
                seconds=self._seconds + (now - self._began if self._state is State.RUNNING else 0.0),
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
                self._end_as(State.ABANDONED)
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
            return Outcome(index, source.name, source.size, problem=refused.message, code=refused.code)
        try:
            prediction = self._answers.get(photo.key) or patience.ask(lambda: self._ask(photo))
        except GivenUp:
            return None
        except ClientError as error:
            if patience.is_hopeless:
                return None
            again = source if is_temporary(error) or not isinstance(error, ApiError) or error.status >= _OURS else None
            problem = words.explain(error, self._max_pixels)
            return Outcome(
                index,
                source.name,
                source.size,
                problem=problem,
                code=error.code,
                pictures=self._pictures(photo),
                again=again,
            )
        with self._changed:
            self._answers[photo.key] = prediction
        named = prediction.model_copy(update={"filename": source.name})
        return Outcome(index, source.name, len(photo.data), prediction=named, pictures=self._pictures(photo))

    def _pictures(self, photo: Photo) -> Pictures | None:
        made = pictures(photo.data, _PREVIEW, _THUMBNAIL, self._owner)
        return made if isinstance(made, Pictures) else None

    def _end(self, turn: tuple[int, Source], outcome: Outcome | None, patience: Patience) -> None:
        index, source = turn
        with self._changed:
            self._under_way -= 1
            if self._closed:
                pass  # nobody wants it any more
            elif outcome is None:
                self._waiting.appendleft(turn)
                if self._state is State.RUNNING and patience is self._patience and patience.is_hopeless:
                    self._end_as(State.GAVE_UP)
            else:
                if outcome.prediction is not None:
                    self._keep(index, source)
                if outcome.again is None:
                    source.let_go()
                if self._made is not None:
                    self._made.add(outcome.shown_bytes)
                self._outcomes.append(outcome)
                self._finished_at.append(self._clock())
            if not self._waiting and not self._under_way:
                self._end_as(State.DONE)
            self._changed.notify_all()

    def _end_as(self, state: State) -> None:
        if self._state is State.RUNNING:
            self._seconds += self._clock() - self._began
        self._state = state

    def _keep(self, index: int, source: Source) -> None:
        """Keep an answered photo while there is room to spare; one in a zip costs nothing more, its zip is here anyway."""
        if self._spare is None:
            return
        if source.makes:
            self._spare.keep(index, source, 0)
            return
        with suppress(FileRefused, NotYet):
            data = source.read()
            self._spare.keep(index, Source(name_of(source.name, data), len(data), lambda: data), len(data))
