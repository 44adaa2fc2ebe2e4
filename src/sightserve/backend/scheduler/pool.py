"""The slots and their workers: who is ready, who hangs, who died, and when another takes its place.

All of it runs on the event loop, without a lock; only the start and the end of a worker, which block, are on a thread.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from sightserve.backend.scheduler.ticket import Ticket
from sightserve.backend.scheduler.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")
Result_contra = TypeVar("Result_contra", contravariant=True)

_END_SECONDS: Final = 0.5  # for a worker to end by itself; what it still works on then, nobody waits for
_FIRST_PAUSE: Final = 0.5  # seconds
_LONGEST_PAUSE: Final = 8.0  # seconds
_PROVEN: Final = 30.0  # seconds: a worker that lived so long, or answered, did not die of its start
_log = logging.getLogger(__name__)


def pause_after(failures: int) -> float:
    """Return for how many seconds a slot stays empty after so many workers in a row that died before they had answered."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10)) if failures else 0.0


@dataclass(slots=True, eq=False)
class Slot(Generic[Job, Result]):
    """One slot.

    Attributes:
        worker: that works for it; None while there is none.
        since: when its worker began to start, was ready, or was given what it works on.
        tickets: of what it works on.
        ready: its worker has started.
        failures: how many workers in a row died before they had answered.
    """

    worker: Worker[Job, Result] | None
    since: float = 0.0
    tickets: Sequence[Ticket] = ()
    ready: bool = False
    failures: int = 0


class Listener(Protocol[Result_contra]):
    """Who is told what happens to the slots."""

    def slot_is_free(self) -> None:
        """Use an idle slot more."""

    def slot_is_done(self, tickets: Sequence[Ticket], outcomes: Sequence[Result_contra | Exception]) -> None:
        """Take the outcomes of what a slot worked on; it is idle now."""

    def slot_is_lost(self, tickets: Sequence[Ticket]) -> None:
        """Do without the answers to what a slot worked on, if anything: its worker has died."""


@dataclass(slots=True)
class Patience:
    """Seconds after which a worker counts as hung.

    Attributes:
        work: at one request.
        batch: at several. They run again then, each by itself, and all but the one at fault should be in time.
        start: at its start.
    """

    work: float = 30.0
    batch: float = 30.0
    start: float = 120.0


class Pool(Generic[Job, Result]):
    """Slots, each with a worker, or on the way to another one."""

    def __init__(
        self,
        workers: Sequence[Worker[Job, Result] | None],
        replace: Callable[[], Worker[Job, Result]],
        listener: Listener[Result],
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        """Set up; `start` puts the slots to work.

        Args:
            workers: one for each slot; None where the slot is to get one from `replace` meanwhile.
            replace: makes a new worker, for such a slot and for one whose worker was lost; called in a thread.
            listener: told what happens.
            patience: see there.
            clock: monotonic seconds.
        """
        self._slots = [Slot(worker) for worker in workers]
        self._replace = replace
        self._listener = listener
        self._patience = patience
        self._clock = clock
        self._starting: set[asyncio.Task[None]] = set()  # keeps the tasks from being collected
        self._stopping = False
        self.idle: list[Slot[Job, Result]] = []

    def start(self) -> None:
        """Put the slots to work, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        for slot in self._slots:
            if slot.worker is None:
                self._fill(slot)
            else:
                self._attach(slot, slot.worker)

    @property
    def size(self) -> int:
        """How many slots there are, whether or not a worker is there for them."""
        return len(self._slots)

    def grow(self) -> None:
        """Add a slot, and begin to give it a worker."""
        slot: Slot[Job, Result] = Slot(None)
        self._slots.append(slot)
        self._fill(slot)

    @property
    def ready(self) -> int:
        """How many slots have a worker that has started."""
        return sum(slot.ready for slot in self._slots)

    def run(
        self, tickets: Sequence[Ticket], jobs: Sequence[Job], waited: Sequence[float], *, alone: bool, room: int
    ) -> None:
        """Have an idle slot work on something; see `worker.Worker.send`."""
        slot = self.idle.pop()
        slot.tickets, slot.since = tickets, self._clock()
        if slot.worker is not None:  # else it would not be idle
            slot.worker.send(jobs, waited, alone=alone, room=room)

    def check(self) -> None:
        """Kill workers that hang: they are lost then, and replaced. To be called several times a second."""
        now = self._clock()
        for slot in self._slots:
            if slot.worker is None or (slot.ready and not slot.tickets):
                continue
            if not slot.ready:
                patience, what = self._patience.start, "started"
            elif len(slot.tickets) == 1:
                patience, what = self._patience.work, "worked on one image"
            else:
                patience, what = self._patience.batch, f"worked on {len(slot.tickets)} small images"
            if now - slot.since > patience:
                _log.error("a slot %s for more than %.1f seconds; it is replaced", what, patience)
                slot.worker.kill()

    async def close(self) -> None:
        """End the slots, whatever they work on."""
        self._stopping = True
        self.idle.clear()
        await asyncio.gather(*self._starting)
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        for worker in workers:
            worker.close()
        await asyncio.gather(*(asyncio.to_thread(worker.wait, _END_SECONDS) for worker in workers))

    def _attach(self, slot: Slot[Job, Result], worker: Worker[Job, Result]) -> None:
        slot.since = self._clock()
        worker.attach(partial(self._on_ready, slot), partial(self._on_done, slot), partial(self._on_lost, slot))

    def _on_ready(self, slot: Slot[Job, Result]) -> None:
        slot.ready, slot.since = True, self._clock()
        if not self._stopping:
            self.idle.append(slot)
            self._listener.slot_is_free()

    def _on_done(self, slot: Slot[Job, Result], outcomes: Sequence[Result | Exception]) -> None:
        tickets, slot.tickets, slot.failures = slot.tickets, (), 0
        if not self._stopping:
            self.idle.append(slot)
        self._listener.slot_is_done(tickets, outcomes)

    def _on_lost(self, slot: Slot[Job, Result], why: Exception) -> None:
        if slot in self.idle:
            self.idle.remove(slot)
        if slot.ready and self._clock() - slot.since > _PROVEN:
            slot.failures = 0
        # the first one that dies at work is replaced at once; one that did not even start may not the next time either
        pause = pause_after(slot.failures + (not slot.ready))
        slot.failures += 1
        slot.ready = False
        tickets, slot.tickets = slot.tickets, ()
        _log.error("a slot is lost, and replaced %s: %s", f"in {pause:.1f} s" if pause else "now", why)
        self._listener.slot_is_lost(tickets)
        self._fill(slot, pause)

    def _fill(self, slot: Slot[Job, Result], pause: float = 0.0) -> None:
        """Begin to give a slot a new worker."""
        if self._stopping:
            return
        if pause:
            self._loop.call_later(pause, self._fill, slot)
            return
        task = self._loop.create_task(self._renew(slot))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _renew(self, slot: Slot[Job, Result]) -> None:
        lost, slot.worker = slot.worker, None
        try:
            if lost is not None:
                lost.kill()
                await asyncio.to_thread(lost.wait, _END_SECONDS)
            worker = slot.worker = await asyncio.to_thread(self._replace)
        except Exception:  # noqa: BLE001 - logged, and tried again
            slot.failures += 1
            pause = pause_after(slot.failures)
            _log.exception("a slot could not be started; next try in %.1f s", pause)
            self._fill(slot, pause)
        else:
            self._attach(slot, worker)
