"""The thin loop around `queue.py`: each slot's thread asks it what to do, has a worker do it, and hands back the answer."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sightserve.backend.errors import DeadlineExceeded, NotReady, Overloaded, SlotLost
from sightserve.backend.scheduler.queue import Limits, Queue, Reason, Refusal, Start, Ticket, Wait

Job = TypeVar("Job")
Result = TypeVar("Result")
Job_contra = TypeVar("Job_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Worker(Protocol[Job_contra, Result_co]):
    """What a slot works with: a process (`process.SlotProcess`), or in tests whatever does as it is told."""

    def execute(
        self, jobs: Sequence[Job_contra], waited: Sequence[float], alone: bool
    ) -> Sequence[Result_co | Exception]:
        """Run jobs together; give each its result, or the exception that it ended with; SlotLost when the worker died.

        Args:
            jobs: usually one; several where the queue batches.
            waited: for how many seconds each of them waited.
            alone: nothing else is in flight, so all cores are theirs.
        """

    def kill(self) -> None:
        """End it at once, from any thread: `execute` then raises SlotLost."""

    def close(self) -> None:
        """End it and free what it held."""


@dataclass(slots=True)
class _Entry(Generic[Job, Result]):
    job: Job
    future: "asyncio.Future[Result]"
    loop: asyncio.AbstractEventLoop
    queued: float


class Scheduler(Generic[Job, Result]):
    """As many slots as the CPU budget, a bounded queue before them, and a refusal for what could not be answered in time.

    A slot works on one request (or one batch) from start to end, and its thread then fetches the next itself: it does not
    wait for the event loop to wake up and hand it one.
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
        """Start the slots.

        Args:
            workers: one for each slot, ready to work; None where the slot is to get one from `replace` meanwhile.
            replace: makes a new worker, for such a slot and for one whose worker was lost.
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
        self._work: dict[int, tuple[Worker[Job, Result], list[Ticket]]] = {}  # slot number -> what it works on
        self._changed = threading.Condition()
        self._stopping = False
        self.lost_slots = 0  # workers that hung or died, ever
        self.empty_slots = 0  # slots that have no worker now
        self._threads = [
            # daemons, because a slot that cannot get a new worker must not keep the process from ending
            threading.Thread(target=self._slot, args=(number, worker), name=f"slot-{number}", daemon=True)
            for number, worker in enumerate(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def depth(self) -> int:
        """How many requests wait for a slot."""
        return self._queue.depth

    @property
    def in_flight(self) -> int:
        """How many requests have a place: uploading, waiting or running."""
        return self._queue.in_flight

    def reserve(self, size: int, patience: float) -> Ticket:
        """Give a request a place on the strength of its headers, before anything of its body is read.

        Args:
            size: bytes that its body will have, as far as it says.
            patience: seconds that it has from the arrival of its body.

        Raises:
            Overloaded: it could not be answered in time, or the queue is full.
            NotReady: draining.
        """
        with self._changed:
            place = self._queue.reserve(size, patience, self._clock())
        if isinstance(place, Refusal):
            raise self._refused(place)
        return place

    def grow(self, ticket: Ticket, size: int) -> None:
        """Count the bytes that a request's body has by now.

        Raises:
            Overloaded: all bodies together would be more than `max_bytes`.
        """
        with self._changed:
            refusal = self._queue.grow(ticket, size, self._clock())
        if refusal is not None:
            raise self._refused(refusal)

    def submit(self, ticket: Ticket, job: Job) -> "asyncio.Future[Result]":
        """Queue a job whose body is whole and return the future of its result; to be called on an event loop.

        The future ends with DeadlineExceeded when no slot was free before the deadline, with SlotLost when the slot that
        worked on it died or hung, else with whatever the job ended with.

        Raises:
            Overloaded: the queue grew while the body arrived.
        """
        loop = asyncio.get_running_loop()
        entry = _Entry(job, loop.create_future(), loop, self._clock())
        with self._changed:
            refusal = self._queue.arrive(ticket, entry.queued)
            if refusal is None:
                self._entries[ticket] = entry
                self._changed.notify()
        if refusal is not None:
            raise self._refused(refusal)
        return entry.future

    def cancel(self, ticket: Ticket) -> bool:
        """Give a place back, or take a waiting request out of the queue; return whether its work will never start.

        Once it runs, it runs to its end, and the result is dropped. Harmless in any state.
        """
        with self._changed:
            cancelled = self._queue.cancel(ticket)
            if cancelled:
                self._entries.pop(ticket, None)
        return cancelled

    def check(self) -> None:
        """Kill workers that hang: their slots notice and replace them. To be called every second or so."""
        now = self._clock()
        with self._changed:
            hung = [worker for worker, tickets in self._work.values() if now - tickets[0].since > self._hang_seconds]
        for worker in hung:
            _log.error("a slot worked on one image for more than %.0f seconds; it is replaced", self._hang_seconds)
            worker.kill()

    def drain(self) -> None:
        """Admit nothing more; what has a place is still answered."""
        with self._changed:
            self._queue.draining = True

    def close(self, seconds: float = 5.0) -> None:
        """End the slots; each finishes what it works on, for up to `seconds` in all."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for worker, _ in list(self._work.values()):
            worker.kill()

    def _slot(self, number: int, worker: Worker[Job, Result] | None) -> None:
        worker = worker or self._new_worker()
        while found := self._next(number, worker):
            start, jobs, waited = found
            if worker is None:  # cannot be: a slot asks for work only when it has a worker
                raise RuntimeError("a slot without a worker was given work")
            try:
                outcomes = worker.execute(jobs, waited, start.alone)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is the answer to these requests
                outcomes = [exc] * len(jobs)
            self._deliver(number, start.tickets, outcomes)
            if any(isinstance(outcome, SlotLost) for outcome in outcomes):
                worker = self._after_loss(worker)
        if worker is not None:
            worker.close()

    def _after_loss(self, lost: Worker[Job, Result]) -> Worker[Job, Result] | None:
        """Count a lost worker and replace it."""
        with self._changed:
            self.lost_slots += 1
            self.empty_slots += 1
        lost.kill()
        lost.close()
        worker = self._new_worker()
        with self._changed:
            self.empty_slots -= 1
        return worker

    def _new_worker(self) -> Worker[Job, Result] | None:
        """Make a worker, trying again for as long as that fails; None when the scheduler ends meanwhile."""
        while not self._stopping:
            try:
                return self._replace()
            except Exception:  # noqa: BLE001 - logged, and tried again
                _log.exception("a slot could not be started; next try in %.0f s", _RETRY_SECONDS)
                time.sleep(_RETRY_SECONDS)
        return None

    def _next(self, number: int, worker: Worker[Job, Result] | None) -> tuple[Start, list[Job], list[float]] | None:
        """Wait for work and return it with the seconds that each job waited; None when the slot should end."""
        with self._changed:
            while not self._stopping and worker is not None:
                now = self._clock()
                decision = self._queue.next(now)
                self._expire()
                if isinstance(decision, Start):
                    self._work[number] = (worker, decision.tickets)
                    entries = [self._entries[ticket] for ticket in decision.tickets]
                    return decision, [entry.job for entry in entries], [now - entry.queued for entry in entries]
                self._sleep(decision, now)
            return None

    def _sleep(self, wait: Wait, now: float) -> None:
        self._changed.wait(None if wait.until == float("inf") else max(0.0, wait.until - now))

    def _expire(self) -> None:
        """Answer those whose deadline passed while they waited."""
        while self._queue.expired:
            entry = self._entries.pop(self._queue.expired.pop())
            self._on_refusal("expired")
            _resolve(entry, DeadlineExceeded("no slot was free before the deadline of this request"))

    def _deliver(self, number: int, tickets: list[Ticket], outcomes: Sequence[Result | Exception]) -> None:
        lost = any(isinstance(outcome, SlotLost) for outcome in outcomes)
        with self._changed:
            del self._work[number]
            self._queue.finish(tickets, self._clock(), learn=not lost)
            entries = [self._entries.pop(ticket) for ticket in tickets]
        for entry, outcome in zip(entries, outcomes, strict=True):
            _resolve(entry, outcome)

    def _refused(self, refusal: Refusal) -> Overloaded | NotReady:
        self._on_refusal(refusal.reason.value)
        if refusal.reason is Reason.DRAINING:
            return NotReady("the server is shutting down: ask another one")
        return Overloaded(refusal.reason.value, refusal.retry_after)


def _resolve(entry: _Entry[Job, Result], outcome: Result | Exception) -> None:
    """Hand the outcome to the event loop, from whatever thread."""

    def resolve() -> None:
        if entry.future.done():  # cancelled: nobody waits any more
            return
        if isinstance(outcome, Exception):
            entry.future.set_exception(outcome)
        else:
            entry.future.set_result(outcome)

    try:
        entry.loop.call_soon_threadsafe(resolve)
    except RuntimeError:  # the loop has ended, and with it everybody who waited
        return
