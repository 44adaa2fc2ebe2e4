r"""Every decision of the scheduler, without a clock, a thread or a model: state and time in, decision out.

A request passes through these states:

    reserved (its headers are in, its body is on its way)  ->  queued  ->  running  ->  gone
        \__________________________ cancelled, expired __________________/^

Only those whose slot died while several ran in it go back, from running to queued, and each once.

Times are seconds of one monotonic clock, handed in by the caller.
"""

import enum
import math
from collections import deque
from dataclasses import dataclass, field


class State(enum.Enum):
    """Where a request is."""

    RESERVED = "reserved"
    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"


class Reason(enum.StrEnum):
    """Why a request was refused: the label of the metric."""

    TOO_MANY_REQUESTS = "queue_full"
    TOO_MANY_BYTES = "bytes_full"
    TOO_LATE = "deadline"
    DRAINING = "draining"


@dataclass(slots=True, eq=False)
class Ticket:
    """One request's place.

    Attributes:
        patience: seconds that it has from the arrival of its whole body.
        since: when it entered its state.
        size: bytes of its body that have arrived.
        deadline: when its answer would be too late; counted from the arrival of its whole body.
        apart: it runs by itself, because a slot died while it worked on this and others.
    """

    patience: float
    since: float
    size: int = 0
    deadline: float = math.inf
    apart: bool = False
    state: State = State.RESERVED


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no place, and in how many seconds there will be one."""

    reason: Reason
    retry_after: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the queue.

    Attributes:
        slots: how many run at once.
        max_requests: how many may be reserved or queued.
        max_bytes: how many bytes these may hold together.
        batch: how many start together in one slot, at most, and never more than a slot's share of those that wait: with few
            of them, another slot answers sooner.
        batch_bytes: larger bodies run by themselves: they take longer than others should wait for, and a hand-over is little
            beside that.
        batch_wait: for how many seconds the oldest waits for a batch to fill.
        upload_grace: for how many seconds an upload counts as about to arrive; a slower one holds a place, but nobody
            is refused because of work that may never come.
        caution: how many times longer than predicted the wait may become. Service times are means, and refusals cost cycles
            too: without it, half of those admitted last under five-fold load came just too late.
    """

    slots: int
    max_requests: int = 1000
    max_bytes: int = 256 * 2**20
    batch: int = 1
    batch_bytes: int = 512 * 2**10
    batch_wait: float = 0.0
    upload_grace: float = 1.0
    caution: float = 1.2


@dataclass(frozen=True, slots=True)
class Start:
    """Run these now, together. `alone` says that nothing else is in flight: all cores are theirs."""

    tickets: list[Ticket]
    alone: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to start; ask again at `until`, or when something changes."""

    until: float = math.inf


@dataclass(slots=True)
class Queue:
    """First come, first served, within bounds; and nothing starts whose answer nobody waits for.

    Attributes:
        limits: see there.
        service: seconds that one request takes in a slot; learned, so only its start value is given.
        draining: no request is admitted any more.
        expired: requests whose deadline passed while they waited; whoever reads them empties it.
    """

    limits: Limits
    service: float
    draining: bool = False
    expired: list[Ticket] = field(default_factory=list)
    _reserved: dict[Ticket, None] = field(default_factory=dict)
    _queued: deque[Ticket] = field(default_factory=deque)
    _running: dict[Ticket, int] = field(default_factory=dict)  # with how many its slot works on
    _batches: int = 0
    _bytes: int = 0

    # How much one new measurement counts: the mean of about the last 20, so that a few large photos are not the future.
    _LEARNING = 0.05

    @property
    def depth(self) -> int:
        """How many wait, body arrived."""
        return len(self._queued)

    @property
    def in_flight(self) -> int:
        """How many have a place: reserved, queued or running."""
        return len(self._reserved) + len(self._queued) + len(self._running)

    def refusal(self, size: int, patience: float, now: float) -> Refusal | None:
        """Say why a request whose headers have arrived gets no place; None: it gets one. Nothing changes by asking.

        Args:
            size: bytes that its body will have, as far as it says. They are checked, not held: whoever announces much and
                sends nothing holds nothing.
            patience: seconds that it has from the arrival of its body.
            now: the time.
        """
        if self.draining:
            return Refusal(Reason.DRAINING, 1.0)
        if len(self._reserved) + len(self._queued) >= self.limits.max_requests:
            return Refusal(Reason.TOO_MANY_REQUESTS, self._work_ahead(now))
        if self._bytes + size > self.limits.max_bytes:
            return Refusal(Reason.TOO_MANY_BYTES, self._work_ahead(now))
        late = self._work_ahead(now) + self._own_work() - patience
        # An idle backend takes everything: when nothing is ahead, nobody could answer sooner.
        if late > 0 and self.in_flight:
            return Refusal(Reason.TOO_LATE, late)
        return None

    def reserve(self, size: int, patience: float, now: float) -> Ticket | Refusal:
        """Give a place to a request whose headers have arrived, or say why not; arguments as for `refusal`."""
        refusal = self.refusal(size, patience, now)
        if refusal is not None:
            return refusal
        ticket = Ticket(patience, now)
        self._reserved[ticket] = None
        return ticket

    def grow(self, ticket: Ticket, size: int, now: float) -> Refusal | None:
        """Count the bytes that have arrived of a reserved request's body; refuse it when there is no room for them."""
        if ticket.state is not State.RESERVED:
            return None
        if self._bytes + size - ticket.size > self.limits.max_bytes:
            self.cancel(ticket)
            return Refusal(Reason.TOO_MANY_BYTES, self._work_ahead(now))
        self._bytes += size - ticket.size
        ticket.size = size
        return None

    def arrive(self, ticket: Ticket, now: float) -> Refusal | None:
        """Queue a reserved request, whose body is whole now; or say that it is too late for it after all."""
        if ticket.state is not State.RESERVED:
            raise ValueError(f"only a reserved request can arrive, this one is {ticket.state.value}")
        del self._reserved[ticket]
        late = self._work_ahead(now) + self._own_work() - ticket.patience
        if late > 0 and self.in_flight:
            self._leave(ticket)
            return Refusal(Reason.TOO_LATE, late)
        ticket.state, ticket.since, ticket.deadline = State.QUEUED, now, now + ticket.patience
        self._queued.append(ticket)
        return None

    def expire(self, now: float) -> float:
        """Move those that are too late to `expired`, and return when the next one will be."""
        late = [ticket for ticket in self._queued if ticket.deadline < now]
        for ticket in late:
            self.cancel(ticket)
        self.expired += late
        return min((ticket.deadline for ticket in self._queued), default=math.inf)

    def next(self, now: float) -> Start | Wait:
        """Decide what a slot that has come free does. Requests that are too late go to `expired`."""
        while self._queued and self._queued[0].deadline < now:
            # deadlines may differ, so a later one can expire first: those are caught when it is their turn, or by `expire`
            late = self._queued.popleft()
            self._leave(late)
            self.expired.append(late)
        if not self._queued or self._batches >= self.limits.slots:
            return Wait()
        ready_at = self._queued[0].since + self.limits.batch_wait
        others = bool(self._running or self._reserved)
        if len(self._queued) < self.limits.batch and others and now < ready_at:
            return Wait(until=ready_at)
        share = max(1, len(self._queued) // self.limits.slots)
        most = 1 if self._by_itself(self._queued[0]) else min(self.limits.batch, share)
        alone = not others and len(self._queued) == 1
        tickets: list[Ticket] = []
        while self._queued and len(tickets) < most and not (tickets and self._by_itself(self._queued[0])):
            ticket = self._queued.popleft()
            if ticket.deadline < now:
                self._leave(ticket)
                self.expired.append(ticket)
                continue
            ticket.state, ticket.since = State.RUNNING, now
            tickets.append(ticket)
        self._running |= dict.fromkeys(tickets, len(tickets))
        self._batches += 1
        return Start(tickets, alone)

    def finish(self, tickets: list[Ticket], now: float, *, learn: bool = True) -> None:
        """Free the slot of requests that started together, and learn how long one takes."""
        if learn:
            # A batch's time is shared. What ran alone had all cores: it says nothing about a slot under load, but it is
            # a lower bound, and the first request after it corrects the mean.
            took = (now - tickets[0].since) / len(tickets)
            self.service += self._LEARNING * (took - self.service)
        for ticket in tickets:
            del self._running[ticket]
            self._leave(ticket)
        self._batches -= 1

    def put_back(self, tickets: list[Ticket]) -> None:
        """Queue requests again, first in line, whose slot died while they ran together: each apart, since one may be why."""
        for ticket in reversed(tickets):
            del self._running[ticket]
            ticket.state, ticket.apart = State.QUEUED, True
            self._queued.appendleft(ticket)
        self._batches -= 1

    def cancel(self, ticket: Ticket) -> bool:
        """Take back a request that nobody waits for; return whether its work will not start any more."""
        if ticket.state is State.RESERVED:
            del self._reserved[ticket]
        elif ticket.state is State.QUEUED:
            self._queued.remove(ticket)
        else:
            return False
        self._leave(ticket)
        return True

    def _leave(self, ticket: Ticket) -> None:
        ticket.state = State.GONE
        self._bytes -= ticket.size

    def _by_itself(self, ticket: Ticket) -> bool:
        return ticket.apart or ticket.size > self.limits.batch_bytes

    def _own_work(self) -> float:
        """Return the seconds from the start of a request that came now to its answer: all of a batch are answered together."""
        return self.service * min(self.limits.batch, 1 + len(self._queued) // self.limits.slots)

    def _work_ahead(self, now: float) -> float:
        """Return the seconds until a request that came now would start, at the latest that is likely."""
        fresh = 0
        for ticket in reversed(self._reserved):  # newest first, so this ends at the first slow upload
            if now - ticket.since > self.limits.upload_grace:
                break
            fresh += 1
        running = sum(
            max(0.0, self.service - (now - ticket.since) / together) for ticket, together in self._running.items()
        )
        return ((len(self._queued) + fresh) * self.service + running) / self.limits.slots * self.limits.caution
