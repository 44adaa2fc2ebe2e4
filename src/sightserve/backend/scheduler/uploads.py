"""Bodies under way: how many, and how much of them counts as work that is about to arrive. Pure, like `queue.py`."""

from collections import deque
from collections.abc import Iterator

from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.ticket import State, Ticket


class Uploads:
    """Requests whose headers are in and whose bodies are not, oldest first.

    An upload that has just begun counts as work ahead of those who come now, a little later only what has arrived of it does,
    and soon nothing: heads whose bodies never come, and bodies that come a byte at a time, cost a connection, and nobody is
    refused because of them. Where there is
    no place left, the oldest gives its own to the next, unless it is still young itself: an ordinary upload is done by then.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tickets: dict[Ticket, None] = {}
        self._begun: deque[Ticket] = deque()  # oldest first; those that ended since are passed over
        self._young: deque[Ticket] = deque()  # likewise, and older
        self._arriving = 0.0

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._tickets)

    def add(self, ticket: Ticket) -> None:
        """Begin to count a request; they come in the order of time."""
        self._tickets[ticket] = None
        self._begun.append(ticket)
        ticket.begun, ticket.weight = True, 1.0
        self._arriving += 1.0

    def grow(self, ticket: Ticket, size: int) -> None:
        """Note how many bytes have arrived of one."""
        ticket.size = size
        if ticket.weight >= 0 and not ticket.begun:
            self._weigh(ticket)

    def remove(self, ticket: Ticket) -> None:
        """End it: its body is whole, or will not be."""
        del self._tickets[ticket]
        self._forget(ticket)

    def arriving(self, now: float) -> float:
        """Return how many requests' work is about to arrive."""
        while self._begun and now - self._begun[0].since > self._limits.upload_start:
            ticket = self._begun.popleft()
            if ticket.state is State.UPLOADING:
                ticket.begun = False
                self._weigh(ticket)
                self._young.append(ticket)
        while self._young and now - self._young[0].since > self._limits.upload_grace:
            self._forget(self._young.popleft())
        if not self._begun and not self._young:
            self._arriving = 0.0  # what rounding has left
        return max(0.0, self._arriving)

    def slowest(self, now: float, *, beside: Ticket | None = None) -> Ticket | None:
        """Return the one that gives its place up for another's sake; None: they are all young.

        Args:
            now: the time.
            beside: another than this, and one that holds bytes.
        """
        for ticket in self._tickets:
            if now - ticket.since <= self._limits.upload_patience:
                return None
            if beside is None or (ticket is not beside and ticket.size):
                return ticket
        return None

    def _weigh(self, ticket: Ticket) -> None:
        whole = max(ticket.announced, self._limits.upload_bytes)
        weight = min(1.0, ticket.size / whole) if ticket.announced else 0.0  # of what size it is, nobody knows
        self._arriving += weight - ticket.weight
        ticket.weight = weight

    def _forget(self, ticket: Ticket) -> None:
        if ticket.weight >= 0:
            self._arriving -= ticket.weight
            ticket.weight = -1.0
