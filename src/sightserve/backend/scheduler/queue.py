r"""Every decision of the scheduler, without a clock, a thread or a model: state and time in, decision out.

A request passes through these states:

    uploading (its headers are in)  ->  queued (its body is, too)  ->  running  ->  gone
        \                          /       \______ cancelled, expired _________/^
         \_> held (one of a batch)/

Two kinds go back from running to queued, each once: those whose slot died while several ran in it, and large photos: the slot,
which alone looks at pixels, says that they need more memory than it may take unasked. They wait in a line of their own, and
never take the last slot: for that, there is one more than run otherwise.

Times are seconds of one monotonic clock, handed in by the caller.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.ticket import Reason, Refusal, Start, State, Ticket, Wait
from sightserve.backend.scheduler.uploads import Uploads

_NOTHING = 1e-6  # of a request: what rounding leaves


@dataclass(slots=True)
class Queue:
    """First come, first served, within bounds; and nothing starts whose answer nobody waits for.

    Attributes:
        limits: see there.
        service: seconds that one request takes in a slot; learned, so only its start value is given.
        expired: requests whose deadline passed while they waited; whoever reads them empties it.
        evicted: uploads that gave up their place for others; whoever reads them empties it.
    """

    limits: Limits
    service: float
    expired: list[Ticket] = field(default_factory=list)
    evicted: list[Ticket] = field(default_factory=list)
    _uploads: Uploads = field(init=False)
    _held: dict[Ticket, None] = field(default_factory=dict)
    _queued: deque[Ticket] = field(default_factory=deque)
    _large: list[Ticket] = field(default_factory=list)  # queued too, in the order of arrival
    _running: dict[Ticket, list[Ticket]] = field(default_factory=dict)  # the batches, by their first
    _bytes: int = 0
    _large_pixels: int = 0  # of those large ones that run
    _arrivals: int = 0

    # How much one new measurement counts: the mean of about the last 20, so that a few large photos are not the future.
    _LEARNING = 0.05

    def __post_init__(self) -> None:
        self._uploads = Uploads(self.limits)

    @property
    def depth(self) -> int:
        """How many wait, body arrived."""
        return len(self._queued) + len(self._large)

    @property
    def uploading(self) -> int:
        """How many bodies are under way."""
        return len(self._uploads)

    @property
    def in_flight(self) -> int:
        """How many have a place: uploading, held, queued or running."""
        return len(self._uploads) + len(self._held) + self.depth + sum(map(len, self._running.values()))

    def refusal(self, size: int, patience: float, now: float) -> Refusal | None:
        """Say why a request whose headers have arrived gets no place; None: it gets one. Nothing changes by asking.

        Args:
            size: bytes that its body will have, as far as it says. They are checked, not held: whoever announces much and
                sends nothing holds nothing.
            patience: seconds that it has from the arrival of its body.
            now: the time.
        """
        if len(self._uploads) >= self.limits.max_uploads and self._uploads.slowest(now) is None:
            return Refusal(Reason.TOO_MANY_UPLOADS, self.limits.upload_grace)
        if self.depth >= self.limits.max_requests:
            return Refusal(Reason.TOO_MANY_REQUESTS, self._work_ahead(now))
        if self._bytes + size > self.limits.max_bytes and self._uploads.slowest(now) is None:
            return Refusal(Reason.TOO_MANY_BYTES, self._work_ahead(now))
        return self._too_late(patience, now)

    def reserve(self, size: int, patience: float, now: float) -> Ticket | Refusal:
        """Give a place to a request whose headers have arrived, or say why not; arguments as for `refusal`."""
        refusal = self.refusal(size, patience, now)
        if refusal is not None:
            return refusal
        if len(self._uploads) >= self.limits.max_uploads:
            self._evict(self._uploads.slowest(now))
        ticket = Ticket(patience, now, announced=size)
        self._uploads.add(ticket)
        return ticket

    def grow(self, ticket: Ticket, size: int, now: float) -> Refusal | None:
        """Count the bytes that have arrived of an upload; refuse it when there is no room for them."""
        if ticket.state is not State.UPLOADING:
            return None
        while self._bytes + size - ticket.size > self.limits.max_bytes:
            slowest = self._uploads.slowest(now, beside=ticket)
            if slowest is None:
                self.cancel(ticket)
                return Refusal(Reason.TOO_MANY_BYTES, self._work_ahead(now))
            self._evict(slowest)
        self._bytes += size - ticket.size
        self._uploads.grow(ticket, size)
        return None

    def arrive(self, ticket: Ticket, now: float) -> Refusal | None:
        """Queue a request whose body is whole now, or one of a batch; or say that there is no place, or it is too late."""
        if ticket.state is State.HELD:
            del self._held[ticket]
        else:
            self._end_upload(ticket, now)
        refusal = None
        if self.depth >= self.limits.max_requests:
            refusal = Refusal(Reason.TOO_MANY_REQUESTS, self._work_ahead(now))
        elif now <= ticket.deadline:  # otherwise it expires, as it would have in the queue
            refusal = self._too_late(ticket.deadline - now, now)
        if refusal is not None:
            self._release(ticket)
            return refusal
        self._arrivals += 1
        ticket.state, ticket.since, ticket.number = State.QUEUED, now, self._arrivals
        self._queued.append(ticket)
        return None

    def split(self, ticket: Ticket, sizes: Sequence[int], now: float) -> list[Ticket] | Refusal:
        """Give the images of a request, whose body is whole now, a place each; they have its deadline, and arrive in turns.

        Args:
            ticket: of the request; what its images do not need of its bytes is free.
            sizes: of the images, in bytes.
            now: the time.
        """
        self._end_upload(ticket, now)
        self._release(ticket)
        if refusal := self._too_late(ticket.patience, now):
            return refusal
        members = [Ticket(ticket.patience, now, 0, size, ticket.deadline, state=State.HELD) for size in sizes]
        self._held |= dict.fromkeys(members)
        self._bytes += sum(sizes)
        return members

    def expire(self, now: float) -> float:
        """Move those that are too late to `expired`, and return when the next one will be."""
        for ticket in [ticket for ticket in (*self._large, *self._queued) if ticket.deadline < now]:
            self.cancel(ticket)
            self.expired.append(ticket)
        return min((ticket.deadline for ticket in (*self._large, *self._queued)), default=math.inf)

    def next(self, now: float) -> Start | Wait:
        """Decide what a slot that has come free does. Requests that are too late go to `expired`."""
        for line in (self._queued, self._large):
            while line and line[0].deadline < now:
                # deadlines may differ, so a later one can expire first: those are caught in their turn, or by `expire`
                self.expired.append(line[0])
                self.cancel(line[0])
        others = bool(self._running or self._uploads or self._held)
        alone = not others and self.depth == 1
        large = sum(first.pixels > 0 for first in self._running)
        if len(self._running) <= self.limits.slots and large < self.limits.slots and self._has_room_for_large():
            ticket = self._large.pop(0)  # its turn came before all others'
            self._large_pixels += ticket.pixels
            return self._run([ticket], alone, ticket.pixels, now)
        if not self._queued or len(self._running) >= self.limits.slots + bool(large):
            return Wait()
        ready_at = self._queued[0].since + self.limits.batch_wait
        if len(self._queued) < self.limits.batch and others and now < ready_at:
            return Wait(until=ready_at)
        share = max(1, len(self._queued) // self.limits.slots)
        most = 1 if self._by_itself(self._queued[0]) else min(self.limits.batch, share)
        tickets = [self._queued.popleft()]
        while self._queued and len(tickets) < most and not self._by_itself(self._queued[0]):
            ticket = self._queued.popleft()
            if ticket.deadline < now:
                self._release(ticket)
                self.expired.append(ticket)
            else:
                tickets.append(ticket)
        return self._run(tickets, alone, self.limits.pixels_each, now)

    def finish(self, tickets: Sequence[Ticket], now: float, *, learn: bool = True) -> None:
        """Free the slot of requests that started together, and learn how long one takes."""
        if learn:
            # A batch's time is shared. What ran alone had more threads: it says nothing about a slot under load, but it is
            # a lower bound, and the first request after it corrects the mean.
            took = (now - tickets[0].since) / len(tickets)
            self.service += self._LEARNING * (took - self.service)
        self._free(tickets)
        for ticket in tickets:
            if ticket.state is State.RUNNING:
                self._release(ticket)

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Queue those again, first in line, whose slot died while they ran together: each by itself, since one may be why."""
        self._free(tickets)
        for ticket in reversed(tickets):
            if ticket.wanted:
                ticket.state, ticket.isolated = State.QUEUED, True
                self._queued.appendleft(ticket)
            else:
                self._release(ticket)

    def defer(self, ticket: Ticket, pixels: int) -> bool:
        """Queue a photo again that needs more pixels than its slot may hold; before `finish`.

        Returns:
            Whether that could be: False where it was given what it asked for already.
        """
        if ticket.pixels or pixels <= self.limits.pixels_each:
            return False
        if ticket.wanted:
            ticket.state, ticket.pixels = State.QUEUED, pixels
            insort(self._large, ticket, key=lambda other: other.number)
        return True

    def cancel(self, ticket: Ticket) -> bool:
        """Take back a request that nobody waits for; return whether its work will not start any more."""
        if ticket.state is State.UPLOADING:
            self._uploads.remove(ticket)
        elif ticket.state is State.HELD:
            del self._held[ticket]
        elif ticket.state is State.QUEUED:
            (self._large if ticket.pixels else self._queued).remove(ticket)
        else:
            ticket.wanted = False  # if its slot dies, it does not run again
            return False
        self._release(ticket)
        return True

    def _run(self, tickets: list[Ticket], alone: bool, room: int, now: float) -> Start:
        for ticket in tickets:
            ticket.state, ticket.since = State.RUNNING, now
        self._running[tickets[0]] = tickets
        return Start(tickets, alone, room)

    def _free(self, tickets: Sequence[Ticket]) -> None:
        del self._running[tickets[0]]
        # a large one that was only now found to be one has taken nothing yet
        self._large_pixels -= sum(ticket.pixels for ticket in tickets if ticket.state is State.RUNNING)

    def _evict(self, ticket: Ticket | None) -> None:
        if ticket is not None:
            self.cancel(ticket)
            self.evicted.append(ticket)

    def _end_upload(self, ticket: Ticket, now: float) -> None:
        if ticket.state is not State.UPLOADING:
            raise ValueError(f"only an upload can arrive, this one is {ticket.state.value}")
        self._uploads.remove(ticket)
        ticket.deadline = now + ticket.patience

    def _release(self, ticket: Ticket) -> None:
        ticket.state = State.GONE
        self._bytes -= ticket.size

    def _by_itself(self, ticket: Ticket) -> bool:
        return ticket.isolated or ticket.size > self.limits.batch_bytes

    def _has_room_for_large(self) -> bool:
        """Return whether there is a large photo, and memory for it; one is always let in, however large."""
        if not self._large:
            return False
        return not self._large_pixels or self._large_pixels + self._large[0].pixels <= self.limits.pixels_shared

    def _too_late(self, patience: float, now: float) -> Refusal | None:
        late = self._work_ahead(now) + self._own_work() - patience
        # An idle backend takes everything: when nothing is ahead, nobody could answer sooner.
        busy = self._running or self.depth or self._uploads.arriving(now) > _NOTHING
        return Refusal(Reason.TOO_LATE, late) if late > 0 and busy else None

    def _own_work(self) -> float:
        """Return the seconds from the start of a request that came now to its answer: all of a batch are answered together."""
        return self.service * min(self.limits.batch, 1 + self.depth // self.limits.slots)

    def _work_ahead(self, now: float) -> float:
        """Return the seconds until a request that came now would start, at the latest that is likely."""
        running = 0.0
        for first, tickets in self._running.items():
            running += max(0.0, self.service * len(tickets) - (now - first.since))
        waiting = (self.depth + self._uploads.arriving(now)) * self.service
        return (waiting + running) / self.limits.slots * self.limits.caution
