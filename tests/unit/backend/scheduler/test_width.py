"""More slots than this machine has cores: workers that sleep instead of computing, so that only the scheduler works."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from sightserve.backend.errors import DeadlineExceeded, NeedsMemory, Overloaded
from sightserve.backend.scheduler import Limits, Scheduler

SECONDS = 0.005
PATIENCE = 30.0


class Machine:
    """What all sleepers do together.

    Attributes:
        running: how many work at the moment.
        most: how many did at once.
        pixels: that large photos hold in memory at the moment.
        most_pixels: that they held at once.
    """

    def __init__(self) -> None:
        self.running = self.most = self.pixels = self.most_pixels = self.answered = 0

    def begin(self, pixels: int) -> None:
        self.running += 1
        self.pixels += pixels
        self.most, self.most_pixels = max(self.most, self.running), max(self.most_pixels, self.pixels)

    def end(self, pixels: int) -> None:
        self.running -= 1
        self.pixels -= pixels


class Sleeper:
    """A worker that sleeps for its jobs, each of which is how many pixels it needs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def attach(
        self,
        ready: Callable[[], None],
        done: Callable[[Sequence[int | Exception]], None],
        lost: Callable[[Exception], None],
    ) -> None:
        self._done = done
        ready()

    def send(self, jobs: Sequence[int], _waited: Sequence[float], *, alone: bool, room: int) -> None:
        held = sum(job for job in jobs if LARGE <= job <= room)
        self._machine.begin(held)

        def end() -> None:
            self._machine.end(held)
            self._done([NeedsMemory(job) if job > room else job for job in jobs])

        asyncio.get_running_loop().call_later(SECONDS * len(jobs), end)

    def kill(self) -> None:
        pass

    def close(self) -> None:
        pass

    def wait(self, _seconds: float) -> None:
        pass


LARGE = 1000  # pixels; more than a slot may take unasked


def run(
    slots: int,
    jobs: list[int],
    *,
    batch: int = 1,
    patience: float = PATIENCE,
    shared: int = 0,
    large_pixels: int = LARGE,
) -> tuple[Machine, Counter[str]]:
    """Ask for all of these at once; return what the machine did, and the outcomes by name."""
    machine, outcomes = Machine(), Counter[str]()

    async def ask(scheduler: Scheduler[int, int], job: int) -> None:
        try:
            ticket = scheduler.reserve(100, patience)
            assert await scheduler.submit(ticket, job) == job
            outcomes["answered"] += 1
        except Overloaded:
            outcomes["refused"] += 1
        except DeadlineExceeded:
            outcomes["expired"] += 1

    async def whole() -> None:
        pixels = 2 * (shared or slots * LARGE // 2)
        limits = Limits(slots, batch=batch, max_pixels=pixels, large_pixels=large_pixels, max_requests=100_000)
        scheduler: Scheduler[int, int] = Scheduler(
            [Sleeper(machine) for _ in range(slots)], lambda: Sleeper(machine), limits, service=SECONDS
        )
        scheduler.start()
        await asyncio.gather(*(ask(scheduler, job) for job in jobs))
        assert scheduler.in_flight == 0
        await scheduler.close()

    asyncio.run(whole())
    return machine, outcomes


@pytest.mark.parametrize("slots", [8, 16, 64])
def test_all_slots_work_and_everybody_is_answered(slots):
    machine, outcomes = run(slots, [1] * slots * 10)

    assert outcomes == {"answered": slots * 10}
    assert machine.most == slots


@pytest.mark.parametrize("slots", [8, 16, 64])
def test_batches_leave_no_slot_idle(slots):
    machine, outcomes = run(slots, [1] * slots * 20, batch=8)

    assert outcomes == {"answered": slots * 20}
    assert machine.most == slots


@pytest.mark.parametrize("slots", [8, 16, 64])
def test_admission_takes_what_so_many_slots_can_answer_in_time(slots):
    """A tenth of a second is 20 photos for each slot, less what caution takes; the rest is refused, not kept waiting."""
    _, outcomes = run(slots, [1] * slots * 40, patience=0.1)

    assert slots * 10 < outcomes["answered"] + outcomes["expired"] <= slots * 20
    assert outcomes["refused"] >= slots * 20


@pytest.mark.parametrize("slots", [8, 16, 64])
def test_as_many_large_photos_run_at_once_as_there_is_memory_for(slots):
    """Memory for half of the slots' large photos: these run side by side, the others of them wait, and small ones pass."""
    machine, outcomes = run(slots, [LARGE, 1] * slots * 2, shared=slots // 2 * LARGE)

    assert outcomes == {"answered": slots * 4}
    assert machine.most_pixels == slots // 2 * LARGE
    assert machine.most == slots + 1


@pytest.mark.parametrize("slots", [1, 8, 64])
def test_large_photos_take_all_slots_but_the_one_that_is_there_for_others(slots):
    machine, outcomes = run(slots, [LARGE] * slots * 3, shared=slots * 100 * LARGE, large_pixels=LARGE - 1)

    assert outcomes == {"answered": slots * 3}
    assert machine.most_pixels == slots * LARGE
