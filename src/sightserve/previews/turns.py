"""Who is next: places for a few at once, handed out so that one session's photos never hold up another's."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class FairTurns:
    """A bounded number of places, given in turn to whoever holds the fewest; first come, first served among those.

    Safe to call from any thread.
    """

    def __init__(self, places: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up.

        Args:
            places: how many may hold one at once.
            clock: monotonic seconds.
        """
        self._places = places
        self._clock = clock
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._waiting: dict[str, deque[object]] = {}
        self._held: Counter[str] = Counter()
        self._granted: set[object] = set()
        self._order: dict[str, int] = {}  # when each of those who wait was last served
        self._served = 0

    @contextmanager
    def turn(self, owner: str, patience: float) -> Iterator[None]:
        """Hold a place within the block.

        Args:
            owner: whose turn it is: a session.
            patience: seconds to wait for it.

        Raises:
            TimeoutError: it did not come.
        """
        ticket = object()
        with self._changed:
            self._waiting.setdefault(owner, deque()).append(ticket)
            self._grant()
            try:
                if not self._changed.wait_for(lambda: ticket in self._granted, patience):
                    raise TimeoutError
            except BaseException:
                self._withdraw(owner, ticket)
                raise
            self._granted.discard(ticket)
        try:
            yield
        finally:
            with self._changed:
                self._release(owner)

    def _grant(self) -> None:
        while self._waiting and self._held.total() < self._places:
            owner = min(self._waiting, key=lambda name: (self._held[name], self._order.get(name, 0)))
            queue = self._waiting[owner]
            self._granted.add(queue.popleft())
            self._held[owner] += 1
            self._served += 1
            self._order[owner] = self._served
            if not queue:
                del self._waiting[owner]
            self._changed.notify_all()

    def _release(self, owner: str) -> None:
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
            if owner not in self._waiting:
                self._order.pop(owner, None)  # nothing is kept of those who are gone
        self._grant()

    def _withdraw(self, owner: str, ticket: object) -> None:
        if ticket in self._granted:
            self._granted.discard(ticket)
            self._release(owner)
        elif ticket in self._waiting.get(owner, ()):
            self._waiting[owner].remove(ticket)
            if not self._waiting[owner]:
                del self._waiting[owner]
