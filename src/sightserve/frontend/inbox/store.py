"""The files of one session that have come in, or are on their way; every byte is booked in the ledger before it is held.

A page has one place; what is chosen there in one go is a pick, and the newest one counts. Files come in parts: no request is
larger than what stands before this app lets through (Cloud Run: 32 MiB), and a broken line costs one part.
"""

import io
import shutil
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

import streamlit as st

from sightserve.frontend.shared.ledger import Account, Booking, Place, account
from sightserve.frontend.shared.sessions import sessions
from sightserve.frontend.shared.settings import MIB
from sightserve.frontend.shared.workspace import workspace

MOST_FILES: Final = 20_000  # of one pick
_AHEAD: Final = 32 * MIB  # of a pick whose files are taken one by one: what may lie here and wait


class Superseded(Exception):
    """Something newer was chosen, or nobody wants these files any more."""


class OutOfOrder(Exception):
    """A part does not follow those that are here; the next one has to begin at `expected`."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"the next part begins at {expected}")
        self.expected = expected


@dataclass(slots=True)
class File:
    """One file.

    Attributes:
        name: as it is shown.
        size: bytes, as announced.
        booking: of its bytes, in memory or on the disk.
        width: of the picture where it was chosen, pixels: it may have been made smaller to be sent. 0 where that is not known.
        height: the same.
        path: where it lies on the disk; None for what lies in memory.
        received: bytes that have come.
        taken: whether somebody works with it.
    """

    name: str
    size: int
    booking: Booking
    width: int = 0
    height: int = 0
    path: Path | None = None
    received: int = 0
    taken: bool = False
    buffer: io.BytesIO = field(default_factory=io.BytesIO)

    @property
    def is_here(self) -> bool:
        """Whether the whole of it has come."""
        return self.received == self.size

    @property
    def data(self) -> bytes:
        """Its bytes, of a file in memory: those of the buffer, which CPython does not copy for it."""
        return self.buffer.getvalue()

    def let_go(self) -> None:
        """Let go of the bytes, wherever they are."""
        self.buffer = io.BytesIO()
        if self.path is not None:
            shutil.rmtree(self.path.parent, ignore_errors=True)
        self.booking.release()

    def move_to(self, target: Path) -> None:
        """Put a file that lies on the disk somewhere else there."""
        if self.path is not None:
            self.path.replace(target)
            self.path.parent.rmdir()
            self.path = target


class Pick:
    """What was chosen in one go. Safe to use from any thread."""

    def __init__(self, number: int, count: int, place: Place, *, one_by_one: bool = False) -> None:
        """Begin with nothing here.

        Args:
            number: newer picks have larger ones.
            count: how many files it has.
            place: where its bytes go.
            one_by_one: whether its files are taken one by one while others come; they come no faster than that.
        """
        self.number, self.count = number, count
        self._place, self._one_by_one = place, one_by_one
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._files: dict[int, File] = {}
        self._unreadable: set[int] = set()
        self._closed = False

    def files(self) -> list[File]:
        """Return the files that are here, in their order."""
        with self._changed:
            return [file for _, file in sorted(self._files.items()) if file.is_here]

    @property
    def is_whole(self) -> bool:
        """Whether every file has come, but for those that nobody can read."""
        with self._changed:
            return len(self.files()) + len(self._unreadable) >= self.count

    @property
    def has_room(self) -> bool:
        """Whether one more may come now."""
        with self._changed:
            waiting = sum(file.size for file in self._files.values() if not file.taken)
            return not self._one_by_one or waiting < _AHEAD

    def begin(
        self, index: int, name: str, size: int, until: int, mine: Account, shape: tuple[int, int] = (0, 0)
    ) -> File:
        """Return the file with this index; its bytes are booked as far as the part that is about to come.

        Raises:
            NoRoom: there is none for that part, or for the whole of a new file.
            Superseded: nobody wants it.
            OSError: there is no place for it on the disk.
        """
        with self._changed:
            if self._closed or not 0 <= index < min(self.count, MOST_FILES):
                raise Superseded
            if index not in self._files:
                mine.reserve(size, self._place).release()  # who announces much and sends little holds little
                path = workspace().folder() / "upload" if self._place is Place.DISK else None
                self._files[index] = File(name, size, mine.book(0, self._place), *shape, path=path)
            file = self._files[index]
            file.booking.grow_to(max(file.booking.size, min(until, size)))
            return file

    def add(self, file: File, offset: int, part: bytes) -> None:
        """Take in a part; one that is here already does no harm.

        Raises:
            OutOfOrder: it does not follow what is here.
            Superseded: nobody wants it any more.
        """
        with self._changed:
            if self._closed:
                raise Superseded
            if offset + len(part) <= file.received:
                return
            if offset != file.received or offset + len(part) > file.size:
                raise OutOfOrder(file.received)
            if file.path is None:
                file.buffer.write(part)
            else:
                with file.path.open("ab") as target:
                    target.write(part)
            file.received += len(part)
            self._changed.notify_all()

    def settle(self, file: File) -> None:
        """Book what has come, and nothing of a part that did not."""
        with self._changed:
            file.booking.add(file.received - file.booking.size)

    def cannot_be_read(self, index: int) -> None:
        """Take note that the browser cannot read this one: it was moved or removed meanwhile."""
        with self._changed:
            self._unreadable.add(index)
            self._changed.notify_all()

    def take(self, index: int, seconds: float) -> File | None:
        """Take the file with this index, waiting for it; None where it has not come in so many seconds.

        Raises:
            Superseded: nobody wants it any more.
            FileNotFoundError: the browser cannot read it.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or index in self._unreadable or self._is_here(index), timeout=seconds
            )
            if self._closed:
                raise Superseded
            if index in self._unreadable:
                raise FileNotFoundError
            if not self._is_here(index):
                return None
            self._files[index].taken = True
            return self._files[index]

    def hand_over(self, index: int) -> File:
        """Return a file that is here: whose bytes and whose booking it is are the caller's from now on. Raises KeyError."""
        with self._changed:
            return self._files.pop(index)

    def hand_over_all(self) -> list[File]:
        """Return all files that are here, in their order: they are the caller's from now on."""
        with self._changed:
            here = [index for index in sorted(self._files) if self._is_here(index)]
            return [self._files.pop(index) for index in here]

    def let_go(self, index: int) -> None:
        """Let go of one file's bytes."""
        with self._changed:
            file = self._files.pop(index, None)
            if file is not None:
                file.let_go()

    def close(self) -> None:
        """Let go of everything; who waits for a file waits no longer."""
        with self._changed:
            self._closed = True
            for file in self._files.values():
                file.let_go()
            self._files.clear()
            self._changed.notify_all()

    def _is_here(self, index: int) -> bool:
        return index in self._files and self._files[index].is_here


class Inbox:
    """All places of one session. Safe to use from any thread.

    Attributes:
        ticket: the secret that lets files in.
        mine: the session's part of the ledger.
    """

    def __init__(self, mine: Account) -> None:
        self.mine = mine
        self.ticket = token_urlsafe(24)
        self._lock = threading.Lock()
        self._picks: dict[str, Pick] = {}
        _open[self.ticket] = self

    def pick(self, place: str) -> Pick | None:
        """Return what was chosen last in this place."""
        with self._lock:
            return self._picks.get(place)

    def coming(self, place: str, pick: Pick) -> Pick:
        """Return the pick of this number, which is the one given where it is new: then it takes the place of the one before.

        Raises:
            Superseded: there is a newer one.
        """
        with self._lock:
            known = self._picks.get(place)
            if known is not None and known.number == pick.number:
                return known
            if known is not None and known.number > pick.number:
                raise Superseded
            self._picks[place] = pick
        if known is not None:
            known.close()
        return pick

    def clear(self, place: str) -> None:
        """Let go of what was chosen in this place."""
        with self._lock:
            pick = self._picks.pop(place, None)
        if pick is not None:
            pick.close()

    def close(self) -> None:
        """Let go of everything, and let nothing more in."""
        _open.pop(self.ticket, None)
        with self._lock:
            picks = list(self._picks.values())
            self._picks.clear()
        for pick in picks:
            pick.close()


_open: "weakref.WeakValueDictionary[str, Inbox]" = weakref.WeakValueDictionary()


def of_ticket(ticket: str) -> Inbox | None:
    """Return whose ticket this is."""
    return _open.get(ticket)


def inbox() -> Inbox:
    """Return the inbox of the session whose run of the script this is."""
    if "inbox" not in st.session_state:
        mine = account()
        made = st.session_state["inbox"] = Inbox(mine)
        sessions().belongs(mine.session, made)
    kept: Inbox = st.session_state["inbox"]
    return kept
