"""Queues as the tests of the scheduler make them: two slots, ten milliseconds a request, and no caution."""

from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Start, Ticket

SERVICE = 0.010


def queue(slots: int = 2, **limits: float) -> Queue:
    return Queue(Limits(slots, **{"caution": 1.0} | limits), SERVICE)  # type: ignore[arg-type]


def uploading(q: Queue, now: float = 0.0, patience: float = 1.0, announced: int = 100) -> Ticket:
    ticket = q.reserve(announced, patience, now)
    assert isinstance(ticket, Ticket), ticket
    return ticket


def queued(q: Queue, now: float = 0.0, patience: float = 1.0, size: int = 100) -> Ticket:
    ticket = uploading(q, now, patience, size)
    assert q.grow(ticket, size, now) is None
    assert q.arrive(ticket, now) is None
    return ticket


def started(q: Queue, now: float = 0.0) -> list[Ticket]:
    decision = q.next(now)
    assert isinstance(decision, Start)
    return decision.tickets
