"""The web app's ledger: the bytes that it holds for each session, in memory and on the disk. What is held is booked here.

Two budgets bound what all sessions hold together. Within them nobody may take more than half of what the others have left, so
that one person with many tabs always leaves room for the next visitor, and no address is counted: many people share one.
What is only kept in case it is wanted (`spare`) goes before anybody is refused.
"""

import threading
import weakref
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, Protocol

from sightserve.frontend.shared.metrics import metrics
from sightserve.frontend.shared.sessions import session_id
from sightserve.frontend.shared.settings import MIB, UiSettings, settings

_LOOK_EVERY: Final = 0.5  # seconds; what a collected booking gives back wakes nobody
_SPARE_SHARE: Final = 4  # a quarter of the memory, for what goes when it is needed


class Place(StrEnum):
    """Where bytes are held."""

    MEMORY = "memory"
    DISK = "disk"


class NoRoom(Exception):
    """There is no room for so many bytes; `ever` is whether there would be if nobody else were here."""

    def __init__(self, *, ever: bool) -> None:
        super().__init__("no room")
        self.ever = ever


@dataclass(frozen=True, slots=True)
class Budget:
    """How many bytes may be held in one place: by all sessions together, and by one."""

    total: int
    session: int


class Booking:
    """Bytes that are held for a session: until they are released, or until nobody has this booking any more."""

    def __init__(self, ledger: "Ledger", line: "_Line") -> None:
        self._ledger, self._line = ledger, line
        self._given_back = weakref.finalize(self, ledger.give_back, line)
        self._given_back.atexit = False

    @property
    def size(self) -> int:
        """Bytes; 0 after the release."""
        return self._line.size if self._given_back.alive else 0

    def grow_to(self, size: int) -> None:
        """Book so many bytes, which are about to be held.

        Raises:
            NoRoom: there is no room for what is more than before. Nothing is changed.
        """
        if self._given_back.alive:
            self._ledger.change(self._line, size - self.size, check=True)

    def add(self, size: int) -> None:
        """Book bytes more that are held already, or less where it is negative."""
        if self._given_back.alive:
            self._ledger.change(self._line, size, check=False)

    def release(self) -> None:
        """Say that the bytes are not held any more; more than once is no mistake."""
        self._given_back()


class Yielding(Protocol):
    """What is booked for a session and goes when its room is needed (`spare.Spare`)."""

    session: str

    @property
    def size(self) -> int:
        """Bytes."""

    def let_go(self) -> None:
        """Hold nothing any more. Called with the ledger locked: it waits for nobody."""


@dataclass(slots=True)
class _Line:
    session: str
    place: Place
    size: int


class Ledger:
    """Who holds how much. Safe to call from any thread."""

    def __init__(self, budgets: Mapping[Place, Budget]) -> None:
        """Begin with nothing booked; `budgets` has one for each place."""
        self._budgets = budgets
        # A booking may be collected at any moment, in a thread that holds the lock: this queue takes it without one.
        self._returned: deque[_Line] = deque()
        self._changed = threading.Condition(threading.RLock())
        # Guarded by _changed:
        self._booked: dict[Place, Counter[str]] = {place: Counter() for place in budgets}
        self._passing = 0
        self._spare: weakref.WeakValueDictionary[int, Yielding] = weakref.WeakValueDictionary()  # the oldest first
        self._spares = 0

    def book(self, session: str, size: int, place: Place = Place.MEMORY) -> Booking:
        """Book bytes that are held already, whether there is room or not."""
        with self._changed:
            self._booked[place][session] += size
        return Booking(self, _Line(session, place, size))

    def reserve(self, session: str, size: int, place: Place = Place.MEMORY) -> Booking:
        """Book bytes that are about to be held.

        Raises:
            NoRoom: they would be more than this session's share, or than all may hold.
        """
        with self._changed:
            self._check(session, size, place)
            return self.book(session, size, place)

    @contextmanager
    def passing(self, session: str, size: int) -> Iterator[None]:
        """Hold bytes in memory within the block, for a moment: wait for room instead of being refused.

        One at a time goes on in any case, so that whoever fills the memory alone does not wait for themselves.
        """
        with self._changed:
            while self._passing and sum(self.held(Place.MEMORY).values()) + size > self._budgets[Place.MEMORY].total:
                if spare := next(self._yielding(), None):
                    spare.let_go()
                else:
                    self._changed.wait(_LOOK_EVERY)
            self._passing += 1
            booking = self.book(session, size)
        try:
            yield
        finally:
            booking.release()
            with self._changed:
                self._passing -= 1
                self._changed.notify_all()

    def held(self, place: Place) -> Counter[str]:
        """Return how many bytes each session holds there; only those that hold any."""
        with self._changed:
            while self._returned:
                line = self._returned.popleft()
                self._booked[line.place][line.session] -= line.size
            return +Counter(self._booked[place])

    def may_ask(self, spare: Yielding) -> None:
        """Take note of what goes when its room is needed; once nobody has it any more, it is forgotten."""
        with self._changed:
            self._spares += 1
            self._spare[self._spares] = spare

    def make_room_for_spare(self, wanted: Yielding, size: int) -> bool:
        """Have the oldest go until so many bytes more fit beside the others; return whether `wanted` itself is still kept."""
        with self._changed:
            share = self._budgets[Place.MEMORY].total // _SPARE_SHARE
            for spare in self._yielding():
                if sum(other.size for other in self._yielding()) + size <= share:
                    return True
                spare.let_go()
                if spare is wanted:
                    return False
            return size <= share

    def give_back(self, line: _Line) -> None:
        """Take a line off, in any thread and at any moment."""
        self._returned.append(line)

    def change(self, line: _Line, size: int, *, check: bool) -> None:
        """Add bytes to a line, or take them off. Raises NoRoom."""
        with self._changed:
            if check and size > 0:
                self._check(line.session, size, line.place)
            self._booked[line.place][line.session] += size
            line.size += size

    def _yielding(self) -> Iterator[Yielding]:
        """Yield what still holds something that may go, the oldest first."""
        yield from [spare for spare in list(self._spare.values()) if spare.size]

    def _check(self, session: str, size: int, place: Place) -> None:
        refusal = self._refusal(session, size, place, self.held(place))
        if refusal is not None and place is Place.MEMORY:
            refusal = self._refusal_without_spare(session, size, refusal)
        if refusal is not None:
            metrics().refused.labels(f"{place.value}_{'full' if refusal.ever else 'share'}").inc()
            raise refusal

    def _refusal_without_spare(self, session: str, size: int, refusal: NoRoom) -> NoRoom | None:
        """Have as much go as it takes, one's own first; nothing where it would not be enough."""
        spares = sorted(self._yielding(), key=lambda spare: spare.session != session)
        spared: Counter[str] = Counter()
        for spare in spares:
            spared[spare.session] += spare.size
        if self._refusal(session, size, Place.MEMORY, self.held(Place.MEMORY) - spared) is not None:
            return refusal
        for spare in spares:
            spare.let_go()
            if self._refusal(session, size, Place.MEMORY, self.held(Place.MEMORY)) is None:
                break
        return None

    def _refusal(self, session: str, size: int, place: Place, held: Counter[str]) -> NoRoom | None:
        budget, mine = self._budgets[place], held[session] + size
        if mine > min(budget.session, budget.total // 2):
            return NoRoom(ever=False)
        if mine > (budget.total - (held.total() - held[session])) // 2:
            return NoRoom(ever=True)
        return None


@dataclass(frozen=True, slots=True)
class Account:
    """One session's part of the ledger."""

    ledger: Ledger
    session: str

    def book(self, size: int, place: Place = Place.MEMORY) -> Booking:
        """Book bytes that are held already, whether there is room or not."""
        return self.ledger.book(self.session, size, place)

    def reserve(self, size: int, place: Place = Place.MEMORY) -> Booking:
        """Book bytes that are about to be held. Raises NoRoom."""
        return self.ledger.reserve(self.session, size, place)

    def passing(self, size: int) -> AbstractContextManager[None]:
        """Hold bytes in memory within the block, for a moment: wait for room instead of being refused."""
        return self.ledger.passing(self.session, size)


def budgets(wanted: UiSettings) -> dict[Place, Budget]:
    """Return the budgets that the settings say."""
    disk = wanted.total_video_mb * MIB
    return {
        Place.MEMORY: Budget(wanted.total_upload_mb * MIB, wanted.session_upload_mb * MIB),
        Place.DISK: Budget(disk, disk),
    }


@cache
def ledger() -> Ledger:
    """Return this process's ledger."""
    return Ledger(budgets(settings()))


def account() -> Account:
    """Return the part of the session whose run of the script this is."""
    return Account(ledger(), session_id())
