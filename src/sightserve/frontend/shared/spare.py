"""What a session would like to keep, and others may need the room of: it goes at once when the ledger asks for it."""

from typing import Generic, TypeVar

from sightserve.frontend.shared.ledger import Account, Booking

Thing = TypeVar("Thing")


class Spare(Generic[Thing]):
    """Things that are kept until somebody needs their room: then all of them go, and no more are taken. Safe in any thread.

    Without a lock, since the ledger holds its own when it asks, and who keeps something asks the ledger.
    """

    def __init__(self, account: Account) -> None:
        """Keep nothing yet, for this session."""
        self.session = account.session
        self._account = account
        self._kept: dict[int, tuple[Thing, Booking]] | None = {}
        self._size = 0
        account.ledger.may_ask(self)

    @property
    def size(self) -> int:
        """Bytes that go when it is let go."""
        return 0 if self._kept is None else self._size

    @property
    def is_gone(self) -> bool:
        """Whether somebody needed the room."""
        return self._kept is None

    def keep(self, number: int, thing: Thing, size: int) -> None:
        """Keep one thing of so many bytes under a number. One thread at a time does that."""
        kept = self._kept
        if kept is not None and self._account.ledger.make_room_for_spare(self, size):
            kept[number] = (thing, self._account.book(size))
            self._size += size

    def get(self, number: int) -> Thing | None:
        """Return what is kept under this number, if it still is."""
        found = (self._kept or {}).get(number)
        return None if found is None else found[0]

    def let_go(self) -> None:
        """Keep nothing any more, now and later; what was booked for it is given back as it is collected."""
        self._kept = None
