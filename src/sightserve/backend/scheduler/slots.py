"""The thin loop around `queue.py`: asks it what to start whenever work or a free slot comes, and hands the answers back.

All of it runs on the event loop, without a lock; only the start and the end of a worker, which block, are on a thread.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from sightserve.backend.errors import DeadlineExceeded, NotReady, Overloaded, SlotLost
from sightserve.backend.scheduler.queue import Limits, Queue, Reason, Refusal, Ticket, Wait
from sightserve.backend.scheduler.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")

_RETRY_SECONDS = 1.0
_END_SECONDS = 0.5  # for a worker to end by itself; what it still works on then, nobody waits for
_TICK = 0.001  # a loop counts whole milliseconds: a timer without this may ring just before its time
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry(Generic[Job, Result]):
    job: Job
    future: "asyncio.Future[Result]"
    queued: float


@dataclass(slots=True, eq=False)
class _Slot(Generic[Job, Result]):
    """One slot: its worker, unless there is none at the moment, and what this works on."""

    worker: Worker[Job, Result] | None
    tickets: list[Ticket] = field(default_factory=list)
    warm: bool = False  # the worker has been ready
    empty: bool = False  # its worker was lost and is not replaced yet


class Scheduler(Generic[Job, Result]):
    """As many slots as the CPU budget, a bounded queue before them, and a refusal for what could not be answered in time.

    A slot works on one request or batch from start to end, and is handed the next before anybody is told of its answer.
    """

    def __init__(
        self,
        workers: Sequence[Worker[Job, Result] | None],
        replace: Callable[[], Worker[Job, Result]],
        limits: Limits,
        *,
        service: float,
        hang_seconds: float = 30.0,
        on_refusal: Callable[[str], None] = lambda _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up; `start` puts the slots to work.

        Args:
            workers: one for each slot; None where the slot is to get one from `replace` meanwhile.
            replace: makes a new worker, for such a slot and for one whose worker was lost; called in a thread.
            limits: see `queue.Limits`.
            service: seconds that one request takes, as a first guess.
            hang_seconds: a worker that takes longer for one batch is killed and replaced.
            on_refusal: told the reason of every refusal, for the metrics.
            clock: monotonic seconds.
        """
        self._replace = replace
        self._on_refusal = on_refusal
        self._clock = clock
        self._hang_seconds = hang_seconds
        self._queue = Queue(limits, service)
        self._entries: dict[Ticket, _Entry[Job, Result]] = {}
        self._slots = [_Slot(worker) for worker in workers]
        self._idle: list[_Slot[Job, Result]] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._starting: set[asyncio.Task[None]] = set()  # keeps the tasks from being collected
        self._stopping = False
        self.lost_slots = 0  # workers that hung or died, ever

    def start(self) -> None:
        """Put the slots to work, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        for slot in self._slots:
            if slot.worker is None:
                self._fill(slot)
            else:
                self._attach(slot, slot.worker)

    @property
    def depth(self) -> int:
        """How many requests wait for a slot."""
        return self._queue.depth

    @property
    def in_flight(self) -> int:
        """How many requests have a place: uploading, waiting or running."""
        return self._queue.in_flight

    @property
    def empty_slots(self) -> int:
        """How many slots lost their worker and have no other yet."""
        return sum(slot.empty for slot in self._slots)

    def reserve(self, size: int, patience: float) -> Ticket:
        """Give a request a place on the strength of its headers, before anything of its body is read.

        Args:
            size: bytes that its body will have, as far as it says.
            patience: seconds that it has from the arrival of its body.

        Raises:
            Overloaded: it could not be answered in time, or the queue is full.
            NotReady: draining.
        """
        place = self._queue.reserve(size, patience, self._clock())
        if isinstance(place, Refusal):
            raise self._refused(place)
        return place

    def refusal(self, size: int, patience: float) -> Overloaded | NotReady | None:
        """Return what `reserve` would raise, and count it as refused; None: there is a place."""
        refusal = self._queue.refusal(size, patience, self._clock())
        return None if refusal is None else self._refused(refusal)

    def grow(self, ticket: Ticket, size: int) -> None:
        """Count the bytes that a request's body has by now.

        Raises:
            Overloaded: all bodies together would be more than `max_bytes`.
        """
        if refusal := self._queue.grow(ticket, size, self._clock()):
            raise self._refused(refusal)

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
        self._ring_at(ticket.deadline)
        self._start_what_can()
        return entry.future

    def cancel(self, ticket: Ticket) -> bool:
        """Give a place back, or take a waiting request out of the queue; return whether its work will never start.

        Once it runs, it runs to its end, and the result is dropped. Harmless in any state.
        """
        if cancelled := self._queue.cancel(ticket):
            self._entries.pop(ticket, None)
        return cancelled

    def check(self) -> None:
        """Kill workers that hang: they are lost then, and replaced. To be called every second or so."""
        now = self._clock()
        for slot in self._slots:
            if slot.worker is not None and slot.tickets and now - slot.tickets[0].since > self._hang_seconds:
                _log.error("a slot worked on one image for more than %.0f seconds; it is replaced", self._hang_seconds)
                slot.worker.kill()

    def drain(self) -> None:
        """Admit nothing more; what has a place is still answered."""
        self._queue.draining = True

    async def close(self) -> None:
        """End the slots, whatever they work on."""
        self._stopping = True
        self._idle.clear()
        if self._alarm is not None:
            self._alarm.cancel()
        await asyncio.gather(*self._starting)
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        for worker in workers:
            worker.close()
        await asyncio.gather(*(asyncio.to_thread(worker.wait, _END_SECONDS) for worker in workers))

    def _start_what_can(self) -> None:
        """Hand idle slots what the queue says."""
        while self._idle:
            now = self._clock()
            decision = self._queue.next(now)
            self._tell_expired()
            if isinstance(decision, Wait):
                self._ring_at(decision.until)
                return
            slot = self._idle.pop()
            slot.tickets = decision.tickets
            entries = [self._entries[ticket] for ticket in decision.tickets]
            if slot.worker is not None:  # else it would not be idle
                slot.worker.send([e.job for e in entries], [now - e.queued for e in entries], decision.alone)

    def _done(self, slot: _Slot[Job, Result], outcomes: Sequence[Result | Exception]) -> None:
        tickets, slot.tickets = slot.tickets, []
        self._queue.finish(tickets, self._clock())
        if not self._stopping:
            self._idle.append(slot)
            self._start_what_can()
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            self._tell(ticket, outcome)

    def _lost(self, slot: _Slot[Job, Result], why: Exception) -> None:
        _log.error("a slot is lost: %s", why)
        self.lost_slots += 1
        slot.empty = True
        if slot in self._idle:
            self._idle.remove(slot)
        tickets, slot.tickets = slot.tickets, []
        if len(tickets) > 1:  # which of them it was, each shows when it runs by itself
            self._queue.put_back(tickets)
            self._ring_at(min(ticket.deadline for ticket in tickets))
            self._start_what_can()
        elif tickets:
            self._queue.finish(tickets, self._clock(), learn=False)
            self._tell(tickets[0], SlotLost("the process that worked on this image died"))
        if slot.warm:
            self._fill(slot)
        else:  # it did not even start: the next one may not either
            self._loop.call_later(_RETRY_SECONDS, self._fill, slot)

    def _fill(self, slot: _Slot[Job, Result]) -> None:
        """Begin to give a slot a new worker."""
        if self._stopping:
            return
        task = self._loop.create_task(self._renew(slot))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _renew(self, slot: _Slot[Job, Result]) -> None:
        lost, slot.worker, slot.warm = slot.worker, None, False
        try:
            if lost is not None:
                lost.kill()
                await asyncio.to_thread(lost.wait, _END_SECONDS)
            worker = slot.worker = await asyncio.to_thread(self._replace)
        except Exception:  # noqa: BLE001 - logged, and tried again
            _log.exception("a slot could not be started; next try in %.0f s", _RETRY_SECONDS)
            slot.empty = True
            self._loop.call_later(_RETRY_SECONDS, self._fill, slot)
        else:
            self._attach(slot, worker)

    def _attach(self, slot: _Slot[Job, Result], worker: Worker[Job, Result]) -> None:
        worker.attach(partial(self._ready, slot), partial(self._done, slot), partial(self._lost, slot))

    def _ready(self, slot: _Slot[Job, Result]) -> None:
        slot.warm, slot.empty = True, False
        if not self._stopping:
            self._idle.append(slot)
            self._start_what_can()

    def _ring_at(self, when: float) -> None:
        """See to it that `_ring` is called at this time, or before."""
        if when < self._alarm_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm_at = when
            self._alarm = self._loop.call_later(max(0.0, when - self._clock()) + _TICK, self._ring)

    def _ring(self) -> None:
        """Do what time alone brings: deadlines pass, and batches that waited for company start without it."""
        self._alarm, self._alarm_at = None, math.inf
        self._ring_at(self._queue.expire(self._clock()))
        self._tell_expired()
        self._start_what_can()

    def _tell_expired(self) -> None:
        while self._queue.expired:
            self._on_refusal("expired")
            late = DeadlineExceeded("no slot was free before the deadline of this request")
            self._tell(self._queue.expired.pop(), late)

    def _tell(self, ticket: Ticket, outcome: Result | Exception) -> None:
        future = self._entries.pop(ticket).future
        if future.done():  # cancelled: nobody waits any more
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _refused(self, refusal: Refusal) -> Overloaded | NotReady:
        self._on_refusal(refusal.reason.value)
        if refusal.reason is Reason.DRAINING:
            return NotReady("the server is shutting down: ask another one")
        return Overloaded(refusal.reason.value, refusal.retry_after)
