"""The thin loop around `queue.py`: threads that ask it what to do, do it, and hand the answers back to the event loop."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sightserve.backend.errors import DeadlineExceeded, NotReady, Overloaded, SlotLost
from sightserve.backend.scheduler.queue import Limits, Queue, Reason, Refusal, Start, Ticket, Wait

Job = TypeVar("Job")
Result = TypeVar("Result")

# Runs jobs together, told for how many seconds each waited and whether they are alone (then all cores are theirs); gives
# each its result, or the exception that it ended with.
Execute = Callable[[Sequence[Job], Sequence[float], bool], Sequence[Result | Exception]]


@dataclass(slots=True)
class _Entry(Generic[Job, Result]):
    job: Job
    future: "asyncio.Future[Result]"
    loop: asyncio.AbstractEventLoop
    queued: float


class Scheduler(Generic[Job, Result]):
    """As many slots as the CPU budget, a bounded queue before them, and a refusal for what could not be answered in time.

    A slot is one thread that works on one request (or one batch) from start to end and then fetches the next itself: it
    does not wait for the event loop to wake up and hand it one.
    """

    def __init__(
        self,
        execute: Execute[Job, Result],
        limits: Limits,
        *,
        service: float,
        hang_seconds: float = 30.0,
        on_refusal: Callable[[str], None] = lambda _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the slots.

        Args:
            execute: runs jobs; called on slots' threads.
            limits: see `queue.Limits`.
            service: seconds that one request takes, as a first guess.
            hang_seconds: a slot that works on one batch for longer is given up and replaced.
            on_refusal: told the reason of every refusal, for the metrics.
            clock: monotonic seconds.
        """
        self._on_refusal = on_refusal
        self._execute = execute
        self._clock = clock
        self._hang_seconds = hang_seconds
        self._queue = Queue(limits, service)
        self._entries: dict[Ticket, _Entry[Job, Result]] = {}
        self._work: dict[int, list[Ticket]] = {}  # slot number -> what it works on
        self._changed = threading.Condition()
        self._stopping = False
        self._numbers = itertools.count()
        self.lost_slots = 0
        self._given_up: list[threading.Thread] = []
        self._threads: dict[int, threading.Thread] = {}
        for _ in range(limits.slots):
            self._start_slot()

    @property
    def depth(self) -> int:
        """How many requests wait for a slot."""
        return self._queue.depth

    @property
    def in_flight(self) -> int:
        """How many requests have a place: uploading, waiting or running."""
        return self._queue.in_flight

    @property
    def hung_slots(self) -> int:
        """How many threads were given up and still have not come back: each holds memory, and perhaps a core."""
        return sum(thread.is_alive() for thread in self._given_up)

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
        worked on it died or hangs, else with whatever the job raised.

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

    def check(self) -> int:
        """Replace slots that hang; return how many slots were ever lost. To be called every second or so."""
        now = self._clock()
        with self._changed:
            hung = [number for number, tickets in self._work.items() if now - tickets[0].since > self._hang_seconds]
            for number in hung:
                self._lose(number, f"gave up on this image after {self._hang_seconds:.0f} seconds")
        return self.lost_slots

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
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start_slot(self) -> None:
        number = next(self._numbers)
        # a daemon, because a hung slot must not keep the process from ending
        thread = threading.Thread(target=self._slot, args=(number,), name=f"slot-{number}", daemon=True)
        self._threads[number] = thread
        thread.start()

    def _slot(self, number: int) -> None:
        try:
            while found := self._next(number):
                start, jobs, waited = found
                try:
                    outcomes = self._execute(jobs, waited, start.alone)
                except Exception as exc:  # noqa: BLE001 - whatever it is, it is the answer to these requests
                    outcomes = [exc] * len(jobs)
                if not self._deliver(number, start.tickets, outcomes):
                    return  # given up as hung meanwhile; another slot has taken its place
        except BaseException:
            with self._changed:
                self._lose(number, "the thread that worked on this image died")
            raise

    def _next(self, number: int) -> tuple[Start, list[Job], list[float]] | None:
        """Wait for work and return it with the seconds that each job waited; None when the slot should end."""
        with self._changed:
            while not self._stopping:
                now = self._clock()
                decision = self._queue.next(now)
                self._expire()
                if isinstance(decision, Start):
                    self._work[number] = decision.tickets
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

    def _deliver(self, number: int, tickets: list[Ticket], outcomes: Sequence[Result | Exception]) -> bool:
        with self._changed:
            if number not in self._work:
                return False
            del self._work[number]
            self._queue.finish(tickets, self._clock())
            entries = [self._entries.pop(ticket) for ticket in tickets]
        for entry, outcome in zip(entries, outcomes, strict=True):
            _resolve(entry, outcome)
        return True

    def _lose(self, number: int, why: str) -> None:
        """Answer what a slot worked on with an error and put another slot in its place."""
        thread = self._threads.pop(number, None)
        if thread is not None and thread is not threading.current_thread():
            self._given_up.append(thread)
        self.lost_slots += 1
        tickets = self._work.pop(number, [])
        if tickets:
            self._queue.finish(tickets, self._clock(), learn=False)
        for ticket in tickets:
            _resolve(self._entries.pop(ticket), SlotLost(why))
        if not self._stopping:
            self._start_slot()

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
