"""What was said -> [waits, within bounds] -> the thread that writes it. Nobody who comes ever waits for who takes."""

import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from sightserve.feedback.records import Correction
from sightserve.feedback.rows import Row

_PREDICTIONS: Final = 200  # in one transaction
_ASKS: Final = 50
_GATHER: Final = 0.5  # seconds that an answer waits for others to go with it


class Bound:
    """So many things, and so many bytes, at a time."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._in, self._out = threading.Lock(), threading.Lock()  # two: who comes does not wait for who goes
        self._entered = self._left = self._entered_bytes = self._left_bytes = 0

    def enter(self, size: int) -> bool:
        """Return whether there was room, and take it."""
        with self._in:
            if (
                self._entered - self._left >= self._most
                or self._entered_bytes - self._left_bytes + size > self._most_bytes
            ):
                return False
            self._entered += 1
            self._entered_bytes += size
            return True

    def leave(self, size: int) -> None:
        """Give it back."""
        with self._out:
            self._left += 1
            self._left_bytes += size

    @property
    def inside(self) -> int:
        """How many there are."""
        return self._entered - self._left


@dataclass(slots=True, eq=False)
class Ask:
    """What somebody waits for.

    Attributes:
        what: a correction, or the id of an answer to forget.
        deadline: on the monotonic clock, when they are told that it failed.
        size: bytes that it holds.
        future: what they wait with; runs from the start, so that nobody who leaves cancels it.
        id: of the correction's row: tried again after a commit whose outcome nobody knows, it is there once.
        uploaded: its photo is at its place.
        tried: perhaps it was done already.
    """

    what: Correction | str
    deadline: float
    size: int = 0
    future: Future[None] = field(default_factory=Future)
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    uploaded: bool = False
    tried: bool = False

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()


@dataclass(slots=True)
class Batch:
    """What goes into one transaction: answers, and then corrections of these or older ones, or one answer to forget."""

    predictions: dict[str, Row]
    asks: list[Ask]


class Pending:
    """Answers and corrections that wait for the database.

    Attributes:
        dropped: answers for which there was no room: the oldest go, people judge the newest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._predictions: OrderedDict[str, Row] = OrderedDict()
        self._since = 0.0
        self._asks: deque[Ask] = deque()
        self._closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._predictions)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._predictions and not self._asks

    def add(self, row: Row) -> None:
        """Add an answer."""
        with self._changed:
            if not self._predictions:
                self._since = time.monotonic()
            self._predictions[row["id"]] = row
            self._bound()
            if len(self._predictions) in {1, _PREDICTIONS}:
                self._changed.notify()

    def ask(self, ask: Ask) -> None:
        """Add what somebody waits for."""
        with self._changed:
            self._asks.append(ask)
            self._changed.notify()

    def close(self) -> None:
        """Say that nothing more comes: from now on nothing waits for more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, patience: float, dead: Callable[[Ask], None]) -> Batch | None:
        """Return what to write next, as soon as it is worth it; None where nothing came.

        Args:
            patience: seconds to wait for something.
            dead: is called with each that nobody waits for any more.
        """
        until = time.monotonic() + patience
        with self._changed:
            while not self._worth_it():
                rest = min(until, self._since + _GATHER if self._predictions else until) - time.monotonic()
                if self._closed or (rest <= 0 and time.monotonic() >= until):
                    break
                self._changed.wait(max(rest, 0.001))
            asks = self._take_asks(dead)
            predictions = {}
            for ask in asks:
                about = ask.what if isinstance(ask.what, str) else ask.what.prediction
                if about in self._predictions:
                    predictions[about] = self._predictions.pop(about)
            while self._predictions and len(predictions) < _PREDICTIONS:
                row = self._predictions.popitem(last=False)[1]
                predictions[row["id"]] = row
            self._since = time.monotonic()
            return Batch(predictions, asks) if asks or predictions else None

    def prune(self, dead: Callable[[Ask], None]) -> None:
        """Let go of what nobody waits for any more."""
        with self._changed:
            while self._asks and self._asks[0].future.done():
                dead(self._asks.popleft())

    def put_back(self, batch: Batch) -> None:
        """Take what could not be written again, before all others."""
        with self._changed:
            for key, row in reversed(batch.predictions.items()):
                self._predictions[key] = row
                self._predictions.move_to_end(key, last=False)
            self._bound()
            self._asks.extendleft(reversed(batch.asks))

    def take_all(self) -> list[Ask]:
        """Return all that somebody waits for, at the end; answers are dropped."""
        with self._changed:
            asks = list(self._asks)
            self._asks.clear()
            self.dropped += len(self._predictions)
            self._predictions.clear()
            return asks

    def _bound(self) -> None:
        while len(self._predictions) > self._most:
            self._predictions.popitem(last=False)
            self.dropped += 1

    def _worth_it(self) -> bool:
        if self._asks or len(self._predictions) >= _PREDICTIONS:
            return True
        return bool(self._predictions) and (self._closed or time.monotonic() - self._since >= _GATHER)

    def _take_asks(self, dead: Callable[[Ask], None]) -> list[Ask]:
        asks: list[Ask] = []
        while self._asks and len(asks) < _ASKS:
            ask = self._asks[0]
            if ask.future.done():
                dead(self._asks.popleft())
                continue
            if isinstance(ask.what, str):  # alone: what was said of it before is written, what comes later is not
                return asks or [self._asks.popleft()]
            asks.append(self._asks.popleft())
        return asks
