"""The queue under any sequence of events: what must hold whatever happens, in whatever order."""

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule
from tests.unit.backend.scheduler.queues import SERVICE

from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Refusal, Start, State, Ticket


class QueueMachine(RuleBasedStateMachine):
    """Any sequence of events, on a model that remembers what it was told."""

    tickets = Bundle("tickets")
    SLOTS, BATCH, MOST_REQUESTS, MOST_BYTES, MOST_UPLOADS, MOST_PIXELS = 2, 2, 6, 1000, 4, 400

    def __init__(self) -> None:
        super().__init__()
        limits = Limits(
            self.SLOTS,
            self.MOST_REQUESTS,
            self.MOST_BYTES,
            self.MOST_UPLOADS,
            self.MOST_PIXELS,
            self.BATCH,
            batch_bytes=400,
            batch_wait=0.01,
            upload_grace=0.02,
            upload_patience=0.1,
        )
        self.queue = Queue(limits, SERVICE)
        self.now = 0.0
        self.arrival_order: list[Ticket] = []
        self.start_order: list[Ticket] = []
        self.batches: list[list[Ticket]] = []
        self.rooms: dict[Ticket, int] = {}  # of the batches, by their first
        self.admitted: list[Ticket] = []
        self.expired: list[Ticket] = []

    def evictions(self) -> None:
        assert all(ticket.state is State.GONE for ticket in self.queue.evicted)
        assert all(self.now - ticket.since > self.queue.limits.upload_patience for ticket in self.queue.evicted)
        self.queue.evicted.clear()

    @rule(seconds=st.floats(0, 0.05))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=tickets, size=st.integers(0, 600), patience=st.floats(0.001, 0.1))
    def headers_arrive(self, size: int, patience: float) -> Any:
        asked = self.queue.refusal(size, patience, self.now)
        place = self.queue.reserve(size, patience, self.now)
        assert asked == (place if isinstance(place, Refusal) else None)  # to ask is harmless, and the answer true
        self.evictions()
        if isinstance(place, Refusal):
            assert place.retry_after >= 0
            return multiple()
        self.admitted.append(place)
        return place

    @rule(ticket=tickets, size=st.integers(0, 600))
    def bytes_arrive(self, ticket: Ticket, size: int) -> None:
        if ticket.state is State.UPLOADING:
            self.queue.grow(ticket, max(size, ticket.size), self.now)
            self.evictions()

    @rule(ticket=consumes(tickets))
    def body_is_whole(self, ticket: Ticket) -> None:
        if ticket.state in {State.UPLOADING, State.HELD} and self.queue.arrive(ticket, self.now) is None:
            self.arrival_order.append(ticket)

    @rule(target=tickets, ticket=consumes(tickets), images=st.integers(1, 3))
    def body_of_several_is_whole(self, ticket: Ticket, images: int) -> Any:
        if ticket.state is not State.UPLOADING:
            return multiple()
        members = self.queue.split(ticket, [ticket.size // images] * images, self.now)
        if isinstance(members, Refusal):
            return multiple()
        self.admitted += members
        return multiple(*members)

    @rule(ticket=tickets)
    def client_leaves(self, ticket: Ticket) -> None:
        before = ticket.state
        assert self.queue.cancel(ticket) == (before in {State.UPLOADING, State.HELD, State.QUEUED})

    @precondition(lambda self: self.arrival_order)
    @rule(data=st.data())
    def waiting_client_leaves(self, data: st.DataObject) -> None:
        self.client_leaves(data.draw(st.sampled_from(self.arrival_order)))

    @rule()
    def slot_asks(self) -> None:
        decision = self.queue.next(self.now)
        self.expired += self.queue.expired
        self.queue.expired.clear()
        if isinstance(decision, Start):
            assert decision.tickets
            assert len(decision.tickets) <= self.BATCH
            assert all(ticket.deadline >= self.now for ticket in decision.tickets), "started after its deadline"
            assert len(decision.tickets) == 1 or not any(ticket.isolated for ticket in decision.tickets)
            self.batches.append(decision.tickets)
            self.rooms[decision.tickets[0]] = decision.room
            self.start_order += [ticket for ticket in decision.tickets if not ticket.isolated and not ticket.pixels]
        elif any(t.state is State.QUEUED and not t.pixels for t in self.admitted) and len(self.batches) < self.SLOTS:
            assert self.now < decision.until < math.inf, "a free slot, work, and no time at which it will start"

    @rule()
    def alarm_rings(self) -> None:
        waiting = self.queue.depth
        again = self.queue.expire(self.now)
        assert self.now <= again
        assert (again < math.inf) == (self.queue.depth > 0)
        assert all(ticket.deadline < self.now for ticket in self.queue.expired)
        assert len(self.queue.expired) == waiting - self.queue.depth
        self.expired += self.queue.expired
        self.queue.expired.clear()

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def slot_finishes(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        self.batches.remove(batch)
        self.queue.finish(batch, self.now)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), pixels=st.integers(1, 1000))
    def slot_needs_memory(self, data: st.DataObject, pixels: int) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        self.batches.remove(batch)
        for ticket in data.draw(st.sets(st.sampled_from(batch))):
            again = self.queue.defer(ticket, pixels)
            assert not again or pixels > self.queue.limits.pixels_each
        self.queue.finish(batch, self.now, learn=False)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def slot_dies(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        self.batches.remove(batch)
        if len(batch) == 1:
            self.queue.finish(batch, self.now, learn=False)
        else:
            self.queue.put_back(batch)

    @invariant()
    def bounds_hold(self) -> None:
        # those that run a second time had their place already
        states = [ticket.state for ticket in self.admitted if not ticket.isolated and not ticket.pixels]
        large = [self.rooms[batch[0]] for batch in self.batches if batch[0].pixels]
        assert len(self.batches) <= self.SLOTS + bool(large)
        assert len(large) <= self.SLOTS, "a large one took the last slot"
        assert states.count(State.QUEUED) <= self.MOST_REQUESTS
        assert states.count(State.UPLOADING) <= self.MOST_UPLOADS
        assert len(large) <= 1 or sum(large) <= self.queue.limits.pixels_shared, (
            "a large one beside another, and no memory"
        )
        assert sum(t.size for t in self.admitted if t.state is not State.GONE) <= self.MOST_BYTES

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every request is in exactly one place, and the queue's own count agrees."""
        alive = [ticket for ticket in self.admitted if ticket.state is not State.GONE]
        running = [ticket for batch in self.batches for ticket in batch]
        assert len(alive) == self.queue.in_flight
        assert [t for t in alive if t.state is State.RUNNING] == [t for t in self.admitted if t in running]
        assert all(ticket.state is State.GONE for ticket in self.expired)

    @invariant()
    def what_is_wanted_is_known(self) -> None:
        ahead = self.queue.refusal(0, 0.0, self.now)
        assert ahead is None or 0 <= ahead.retry_after < math.inf

    @invariant()
    def the_order_is_fair(self) -> None:
        positions = [self.arrival_order.index(ticket) for ticket in self.start_order]
        assert positions == sorted(positions)

    def teardown(self) -> None:
        """Left alone, the queue comes to rest: everything that arrived is started or expired, and nothing remains."""
        while self.batches:
            self.queue.finish(self.batches.pop(), self.now)
        for ticket in self.admitted:
            if ticket.state in {State.UPLOADING, State.HELD}:
                self.queue.cancel(ticket)
        while self.queue.depth:
            self.now += 1.0
            decision = self.queue.next(self.now)
            if isinstance(decision, Start):
                self.queue.finish(decision.tickets, self.now)
        assert self.queue.in_flight == 0


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestQueueMachine = QueueMachine.TestCase
