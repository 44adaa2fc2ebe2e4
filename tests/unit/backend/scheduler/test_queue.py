"""Every decision of the scheduler, without a model, a thread or a sleep."""

import math
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from sightserve.backend.scheduler.queue import Limits, Queue, Reason, Refusal, Start, State, Ticket, Wait

SERVICE = 0.010


def queue(slots: int = 2, **limits: float) -> Queue:
    return Queue(Limits(slots, **{"caution": 1.0} | limits), SERVICE)  # type: ignore[arg-type]


def queued(q: Queue, now: float = 0.0, patience: float = 1.0, size: int = 100) -> Ticket:
    ticket = q.reserve(size, patience, now)
    assert isinstance(ticket, Ticket)
    assert q.grow(ticket, size, now) is None
    assert q.arrive(ticket, now) is None
    return ticket


def started(q: Queue, now: float = 0.0) -> list[Ticket]:
    decision = q.next(now)
    assert isinstance(decision, Start)
    return decision.tickets


def test_requests_start_in_the_order_in_which_their_bodies_arrived():
    q = queue()
    slow, quick = (q.reserve(1, 1.0, 0.0) for _ in range(2))
    assert isinstance(slow, Ticket)
    assert isinstance(quick, Ticket)

    q.arrive(quick, 0.1)
    q.arrive(slow, 0.2)

    assert [started(q, 0.3), started(q, 0.3)] == [[quick], [slow]]


def test_no_more_run_than_there_are_slots():
    q = queue(slots=2)
    for _ in range(3):
        queued(q)

    assert len(started(q) + started(q)) == 2
    assert q.next(0.0) == Wait()


def test_a_request_that_is_alone_gets_all_cores_and_one_that_is_not_does_not():
    q = queue()
    queued(q)
    first = q.next(0.0)
    queued(q)
    second = q.next(0.0)

    assert isinstance(first, Start)
    assert isinstance(second, Start)
    assert (first.alone, second.alone) == (True, False)


def test_an_upload_under_way_counts_as_company():
    q = queue()
    q.reserve(1, 1.0, 0.0)
    queued(q)

    decision = q.next(0.0)

    assert isinstance(decision, Start)
    assert not decision.alone


def test_what_would_be_answered_too_late_is_refused_with_the_time_after_which_it_would_not_be():
    """Two slots, 10 ms each: behind 198 others one starts after 0.99 s and ends just in time; the next is 5 ms too late."""
    q = queue(slots=2)
    for _ in range(198):
        queued(q, patience=1.0)
    assert isinstance(q.reserve(1, 1.0, 0.0), Ticket)

    refusal = q.reserve(1, 1.0, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_LATE
    assert refusal.retry_after == pytest.approx(0.005)


def test_caution_refuses_sooner():
    """With a caution of 1.25, one second of patience is worth 0.79 s of waiting: behind 158 others, not behind 159."""
    q = queue(slots=2, caution=1.25)
    for _ in range(158):
        queued(q, patience=1.0)

    assert isinstance(q.reserve(1, 1.0, 0.0), Ticket)
    assert isinstance(q.reserve(1, 1.0, 0.0), Refusal)


def test_a_client_with_more_patience_still_gets_a_place():
    q = queue(slots=2)
    while isinstance(q.reserve(1, 1.0, 0.0), Ticket):
        pass

    assert isinstance(q.reserve(1, 2.0, 0.0), Ticket)


def test_an_idle_backend_takes_what_it_cannot_do_in_time_because_nobody_could():
    assert isinstance(queue().reserve(1, 0.001, 0.0), Ticket)


def test_the_number_of_requests_is_bounded():
    q = queue(max_requests=3)
    for _ in range(3):
        queued(q)

    refusal = q.reserve(1, 1.0, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_MANY_REQUESTS


def test_the_bytes_are_bounded_by_what_arrives_not_by_what_is_announced():
    q = queue(max_bytes=250)
    honest, liar = q.reserve(100, 1.0, 0.0), q.reserve(0, 1.0, 0.0)
    assert isinstance(honest, Ticket)
    assert isinstance(liar, Ticket)
    assert q.grow(honest, 100, 0.0) is None
    assert q.grow(liar, 150, 0.0) is None

    refusal = q.grow(liar, 151, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_MANY_BYTES
    assert liar.state is State.GONE
    assert isinstance(q.reserve(150, 1.0, 0.0), Ticket)  # its bytes are free again
    assert isinstance(q.reserve(151, 1.0, 0.0), Refusal)  # announced too many: refused unread


def test_announcing_much_and_sending_nothing_blocks_nobody():
    q = queue(max_bytes=1000)
    for _ in range(50):
        q.reserve(900, 1.0, 0.0)

    assert isinstance(q.reserve(900, 1.0, 0.0), Ticket)


def test_slow_uploads_stop_counting_as_work_ahead():
    """100 uploads of 10 ms on 2 slots are 0.5 s of work, if they ever arrive."""
    q = queue(slots=2, upload_grace=1.0)
    for _ in range(100):
        q.reserve(1, 10.0, 0.0)

    assert isinstance(q.reserve(1, 0.4, 0.5), Refusal)
    assert isinstance(q.reserve(1, 0.4, 1.5), Ticket)


def test_an_upload_that_arrives_when_it_is_too_late_is_refused_then():
    q = queue(slots=1, upload_grace=0.0)
    slow = q.reserve(1, 0.5, 0.0)
    assert isinstance(slow, Ticket)
    for _ in range(100):
        queued(q, now=2.0, patience=10.0)

    refusal = q.arrive(slow, 2.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_LATE
    assert slow.state is State.GONE


def test_nothing_starts_after_its_deadline():
    q = queue(slots=1)
    running = queued(q)
    q.next(0.0)
    late, patient = queued(q, patience=1.0), queued(q, patience=9.0)
    q.finish([running], 2.0)

    assert started(q, 2.0) == [patient]
    assert q.expired == [late]


def test_those_who_are_too_late_are_found_wherever_they_wait():
    q = queue(slots=1)
    queued(q)
    q.next(0.0)
    patient, late, later = (queued(q, patience=seconds) for seconds in (9.0, 1.0, 3.0))

    assert q.expire(1.0) == 1.0  # not yet: its answer would just be in time
    assert q.expire(2.0) == 3.0
    assert q.expired == [late]
    assert [patient.state, later.state] == [State.QUEUED] * 2


def test_a_cancelled_request_never_starts_and_a_running_one_cannot_be_cancelled():
    q = queue(slots=1)
    running, waiting = queued(q), queued(q)
    q.next(0.0)

    assert q.cancel(waiting)
    assert not q.cancel(waiting)
    assert not q.cancel(running)
    q.finish([running], 1.0)
    assert q.next(1.0) == Wait()
    assert q.in_flight == 0


def test_draining_admits_nothing_and_finishes_what_has_a_place():
    q = queue(slots=1)
    waiting = queued(q)
    q.draining = True

    refusal = q.reserve(1, 1.0, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.DRAINING
    assert started(q) == [waiting]


def test_a_batch_waits_for_company_but_not_for_long():
    q = queue(slots=1, batch=3, batch_wait=0.005)
    alone = queued(q, now=0.0)
    assert started(q, 0.0) == [alone]  # nothing else in flight: nothing to wait for
    q.finish([alone], 0.01)
    q.reserve(1, 1.0, 0.02)  # company is on its way
    first = queued(q, now=0.02)

    decision = q.next(0.021)
    assert isinstance(decision, Wait)
    assert decision.until == pytest.approx(0.025)
    second = queued(q, now=0.022)
    assert started(q, 0.025) == [first, second]


def test_a_full_batch_does_not_wait():
    q = queue(slots=1, batch=2, batch_wait=1.0)
    first, second, third = queued(q), queued(q), queued(q)

    assert started(q) == [first, second]
    q.finish([first, second], 0.02)
    assert third.state is State.QUEUED


def test_a_batch_is_no_more_than_a_slots_share_of_those_that_wait():
    q = queue(slots=3, batch=4)
    for _ in range(14):
        queued(q)

    # a third of 14, which the limit cuts to 4; a third of the 10 that are left; of 7
    assert [len(started(q)), len(started(q)), len(started(q))] == [4, 3, 2]


def test_nobody_waits_in_a_batch_for_a_large_photo():
    q = queue(slots=1, batch=8, batch_bytes=1000)
    first, second, large, last = (queued(q, size=size) for size in (1000, 10, 1001, 10))
    runs = []
    while q.depth:
        runs.append(started(q))
        q.finish(runs[-1], 0.0)

    assert runs == [[first, second], [large], [last]]


def test_all_of_a_batch_are_answered_at_its_end_and_admission_knows():
    q = queue(slots=1, batch=4)
    for _ in range(4):
        queued(q)
    started(q)

    # four of 10 ms are at work, for 25 ms already: 15 ms to the start, 10 ms to the answer
    assert q.refusal(1, 0.026, 0.025) is None
    refusal = q.refusal(1, 0.024, 0.025)
    assert refusal is not None
    assert refusal.retry_after == pytest.approx(0.001)
    for _ in range(4):
        queued(q, 0.025)
    # and four more before it: 15 + 40 ms to its start, and at the latest 40 ms more to the end of a batch
    assert q.refusal(1, 0.096, 0.025) is None
    assert q.refusal(1, 0.094, 0.025) is not None


def test_those_whose_slot_died_while_they_ran_together_run_apart_before_all_others():
    q = queue(slots=1, batch=3)
    first, second, third, later = (queued(q) for _ in range(4))
    assert started(q) == [first, second, third]

    q.put_back([first, second, third])
    q.cancel(second)  # its caller does not wait for that
    runs = []
    while q.depth:
        runs.append(started(q))
        q.finish(runs[-1], 0.0)

    assert runs == [[first], [third], [later]]


def test_the_service_time_is_learned():
    q = queue(slots=1)
    for i in range(200):
        ticket = queued(q, now=float(i))
        q.next(float(i))
        q.finish([ticket], i + 0.05)

    assert q.service == pytest.approx(0.05, rel=0.01)


class QueueMachine(RuleBasedStateMachine):
    """Any sequence of events, on a model that remembers what it was told."""

    tickets = Bundle("tickets")
    SLOTS, BATCH, MOST_REQUESTS, MOST_BYTES = 2, 2, 6, 1000

    def __init__(self) -> None:
        super().__init__()
        limits = Limits(self.SLOTS, self.MOST_REQUESTS, self.MOST_BYTES, self.BATCH, batch_bytes=400, batch_wait=0.01)
        self.queue = Queue(limits, SERVICE)
        self.now = 0.0
        self.arrival_order: list[Ticket] = []
        self.start_order: list[Ticket] = []
        self.batches: list[list[Ticket]] = []
        self.admitted: list[Ticket] = []
        self.expired: list[Ticket] = []

    @rule(seconds=st.floats(0, 0.05))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=tickets, size=st.integers(0, 600), patience=st.floats(0.001, 0.1))
    def headers_arrive(self, size: int, patience: float) -> Any:
        asked = self.queue.refusal(size, patience, self.now)
        place = self.queue.reserve(size, patience, self.now)
        assert asked == (place if isinstance(place, Refusal) else None)  # to ask is harmless, and the answer true
        if isinstance(place, Refusal):
            assert place.retry_after >= 0
            return multiple()
        self.admitted.append(place)
        return place

    @rule(ticket=tickets, size=st.integers(0, 600))
    def bytes_arrive(self, ticket: Ticket, size: int) -> None:
        if ticket.state is State.RESERVED:
            self.queue.grow(ticket, max(size, ticket.size), self.now)

    @rule(ticket=consumes(tickets))
    def body_is_whole(self, ticket: Ticket) -> None:
        if ticket.state is State.RESERVED and self.queue.arrive(ticket, self.now) is None:
            self.arrival_order.append(ticket)

    @rule(ticket=tickets)
    def client_leaves(self, ticket: Ticket) -> None:
        before = ticket.state
        assert self.queue.cancel(ticket) == (before in {State.RESERVED, State.QUEUED})

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
            assert len(decision.tickets) == 1 or not any(ticket.apart for ticket in decision.tickets)
            self.batches.append(decision.tickets)
            self.start_order += [ticket for ticket in decision.tickets if not ticket.apart]
        elif self.queue.depth and len(self.batches) < self.SLOTS:
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
        states = [ticket.state for ticket in self.admitted if not ticket.apart]  # those had their place already
        assert len(self.batches) <= self.SLOTS
        assert states.count(State.RESERVED) + states.count(State.QUEUED) <= self.MOST_REQUESTS
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
    def the_order_is_fair(self) -> None:
        positions = [self.arrival_order.index(ticket) for ticket in self.start_order]
        assert positions == sorted(positions)

    def teardown(self) -> None:
        """Left alone, the queue comes to rest: everything that arrived is started or expired, and nothing remains."""
        while self.batches:
            self.queue.finish(self.batches.pop(), self.now)
        for ticket in self.admitted:
            if ticket.state is State.RESERVED:
                self.queue.cancel(ticket)
        while self.queue.depth:
            self.now += 1.0
            decision = self.queue.next(self.now)
            if isinstance(decision, Start):
                self.queue.finish(decision.tickets, self.now)
        assert self.queue.in_flight == 0


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestQueueMachine = QueueMachine.TestCase
