"""The thin loop around `queue.py`: asks it what to start whenever work or a free slot comes, and hands the answers back.

All of it runs on the event loop, without a lock.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from sightserve.backend.errors import DeadlineExceeded, NeedsMemory, Overloaded, SlotLost
from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.pool import Patience, Pool
from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Reason, Refusal, State, Ticket, Wait
from sightserve.backend.scheduler.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")
Admitted = TypeVar("Admitted")

_TICK = 0.001  # a loop counts whole milliseconds: a timer without this may go off just before its time


@dataclass(slots=True)
class _Entry(Generic[Job, Result]):
    job: Job
    future: "asyncio.Future[Result]"
    queued: float


class Scheduler(Generic[Job, Result]):
    """As many slots as the CPU budget, a bounded queue before them, and a refusal for what could not be answered in time.

    A slot works on one request or batch from start to end, and is handed the next before anybody is told of its answer. At the
    first large photo one more slot starts: large ones never take the last, so that others need not wait for them.
    """

    def __init__(
        self,
        workers: Sequence[Worker[Job, Result] | None],
        replace: Callable[[], Worker[Job, Result]],
        limits: Limits,
        *,
        service: float,
        patience: Patience | None = None,
        on_refusal: Callable[[str], None] = lambda _reason: None,
        on_lost_slot: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up; `start` puts the slots to work.

        Args:
            workers: one for each slot; None where the slot is to get one from `replace` meanwhile.
            replace: makes a new worker, for such a slot and for one whose worker was lost; called in a thread.
            limits: see there.
            service: seconds that one request takes, as a first guess.
            patience: when a worker counts as hung.
            on_refusal: told the reason of every refusal, for the metrics.
            on_lost_slot: told of every worker that hung or died.
            clock: monotonic seconds.
        """
        self._on_refusal = on_refusal
        self._on_lost_slot = on_lost_slot
        self._clock = clock
        self._queue = Queue(limits, service)
        self._pool = Pool(workers, replace, self, patience or Patience(), clock)
        self._entries: dict[Ticket, _Entry[Job, Result]] = {}
        self._uploads: dict[Ticket, asyncio.Timeout] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    def start(self) -> None:
        """Put the slots to work, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._pool.start()

    @property
    def batch(self) -> int:
        """How many requests start together in one slot, at most."""
        return self._queue.limits.batch

    @property
    def depth(self) -> int:
        """How many requests wait for a slot."""
        return self._queue.depth

    @property
    def in_flight(self) -> int:
        """How many requests have a place: uploading, waiting or running."""
        return self._queue.in_flight

    @property
    def ready_slots(self) -> int:
        """How many slots can work."""
        return self._pool.ready

    def reserve(self, size: int, patience: float) -> Ticket:
        """Give a request a place on the strength of its headers, before anything of its body is read.

        Args:
            size: bytes that its body will have, as far as it says.
            patience: seconds that it has from the arrival of its body.

        Raises:
            Overloaded: it could not be answered in time, or there is no place.
        """
        place = self._queue.reserve(size, patience, self._clock())
        self._notify_evicted()
        return self._admitted(place)

    @asynccontextmanager
    async def uploading(self, ticket: Ticket) -> AsyncIterator[None]:
        """Read a request's body inside of this, which ends when the upload has to give up its place for others.

        Raises:
            Overloaded: it had to.
        """
        try:
            async with asyncio.timeout(None) as end:
                self._uploads[ticket] = end
                yield
        except TimeoutError:
            if end.expired():
                raise self._refused(Refusal(Reason.TOO_SLOW, self._queue.limits.upload_patience)) from None
            raise
        finally:
            del self._uploads[ticket]

    def grow(self, ticket: Ticket, size: int) -> None:
        """Count the bytes that a request's body has by now.

        Raises:
            Overloaded: all bodies together would be more than `max_bytes`.
        """
        refusal = self._queue.grow(ticket, size, self._clock())
        self._notify_evicted()
        if refusal is not None:
            raise self._refused(refusal)

    def split(self, ticket: Ticket, sizes: Sequence[int]) -> list[Ticket]:
        """Give each image of a request, whose body is whole, a place with its size and the request's deadline.

        Each is to be submitted, in the caller's time, or cancelled.

        Raises:
            Overloaded: the queue grew while the body arrived.
        """
        return self._admitted(self._queue.split(ticket, sizes, self._clock()))

    def submit(self, ticket: Ticket, job: Job) -> "asyncio.Future[Result]":
        """Queue a job whose body is whole and return the future of its result.

        The future ends with DeadlineExceeded when no slot was free before the deadline, with SlotLost when the slot that
        worked on it died or hung, else with whatever the job ended with. Whoever ends it first is left alone.

        Raises:
            Overloaded: the queue grew while the body arrived.
        """
        now = self._clock()
        if refusal := self._queue.arrive(ticket, now):
            raise self._refused(refusal)
        entry = self._entries[ticket] = _Entry(job, self._loop.create_future(), now)
        self._set_alarm(ticket.deadline)
        self._start_what_can()
        return entry.future

    def cancel(self, ticket: Ticket) -> bool:
        """Give a place back, or take a waiting request out of the queue; return whether its work will never start.

        Once it runs, it runs to its end, and the result is dropped; it does not run again. Harmless in any state.
        """
        if cancelled := self._queue.cancel(ticket):
            self._entries.pop(ticket, None)
        return cancelled

    def check(self) -> None:
        """Kill workers that hang: they are lost then, and replaced. To be called several times a second."""
        self._pool.check()

    async def close(self) -> None:
        """End the slots, whatever they work on."""
        if self._alarm is not None:
            self._alarm.cancel()
        await self._pool.close()

    def slot_is_free(self) -> None:
        """Give an idle slot work, where there is some."""
        self._start_what_can()

    def slot_is_done(self, tickets: Sequence[Ticket], outcomes: Sequence[Result | Exception]) -> None:
        """Give the slot its next work, and then notify those who wait for its last."""
        asked = False
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            if isinstance(outcome, NeedsMemory):
                asked = True
                self._queue.defer(ticket, outcome.pixels)
                self._set_alarm(ticket.deadline)
        self._queue.finish(tickets, self._clock(), learn=not asked)
        if asked and self._pool.size == self._queue.limits.slots:
            self._pool.grow()
        self._start_what_can()
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            if ticket.state is State.GONE:  # else it runs again
                again = isinstance(outcome, NeedsMemory)
                self._notify(ticket, SlotLost("a slot asked for memory that it had") if again else outcome)

    def slot_is_lost(self, tickets: Sequence[Ticket]) -> None:
        """Have what shared the slot run again, each by itself: which of them it was, shows then."""
        self._on_lost_slot()
        if len(tickets) == 1:
            self._queue.finish(tickets, self._clock(), learn=False)
            self._notify(tickets[0], SlotLost("the process that worked on this image died"))
        elif tickets:
            self._queue.put_back(tickets)
            for ticket in tickets:
                if ticket.state is State.GONE:
                    self._entries.pop(ticket)
                else:
                    self._set_alarm(ticket.deadline)
        self._start_what_can()

    def _start_what_can(self) -> None:
        """Hand idle slots what the queue says."""
        while self._pool.idle:
            now = self._clock()
            decision = self._queue.next(now)
            self._notify_expired()
            if isinstance(decision, Wait):
                self._set_alarm(decision.until)
                return
            entries = [self._entries[ticket] for ticket in decision.tickets]
            self._pool.run(
                decision.tickets,
                [entry.job for entry in entries],
                [now - entry.queued for entry in entries],
                alone=decision.alone,
                room=decision.room,
            )

    def _set_alarm(self, when: float) -> None:
        """See to it that `_on_alarm` is called at this time, or before."""
        if when < self._alarm_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm_at = when
            self._alarm = self._loop.call_later(max(0.0, when - self._clock()) + _TICK, self._on_alarm)

    def _on_alarm(self) -> None:
        """Do what time alone brings: deadlines pass, and batches that waited for company start without it."""
        self._alarm, self._alarm_at = None, math.inf
        self._set_alarm(self._queue.expire(self._clock()))
        self._notify_expired()
        self._start_what_can()

    def _notify_expired(self) -> None:
        while self._queue.expired:
            self._on_refusal("expired")
            late = DeadlineExceeded("no slot was free before the deadline of this request")
            self._notify(self._queue.expired.pop(), late)

    def _notify_evicted(self) -> None:
        while self._queue.evicted:
            end = self._uploads.get(self._queue.evicted.pop())
            if end is not None:
                end.reschedule(self._loop.time())

    def _notify(self, ticket: Ticket, outcome: Result | Exception) -> None:
        future = self._entries.pop(ticket).future
        if future.done():  # cancelled: nobody waits any more
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _admitted(self, place: Admitted | Refusal) -> Admitted:
        if isinstance(place, Refusal):
            raise self._refused(place)
        return place

    def _refused(self, refusal: Refusal) -> Overloaded:
        self._on_refusal(refusal.reason.value)
        return Overloaded(refusal.reason.value, refusal.retry_after)
