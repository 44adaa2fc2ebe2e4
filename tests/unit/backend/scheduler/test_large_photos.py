"""Photos that need more memory than a slot may take: the loop asks the queue again, with what they need."""

import pytest
from tests.unit.backend.scheduler.work import Work, run, submit, until

from sightserve.backend.errors import DeadlineExceeded, NeedsMemory, SlotLost
from sightserve.backend.scheduler import Scheduler


def test_a_photo_that_needs_more_memory_than_a_slot_may_take_runs_again_with_it():
    """Two slots and a thousand pixels: 166 for each of what are three then, and the rest for those that need more."""
    first, second = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        assert await submit(scheduler, "300") == "300"
        assert scheduler.in_flight == 0

    run(scenario, first, second)

    assert first.rooms + second.rooms in ([166, 300], [300, 166])


def test_small_photos_are_answered_while_a_large_one_waits_for_memory():
    first, second = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        blocker = submit(scheduler, "wait")
        large = [submit(scheduler, "400") for _ in range(2)]
        assert [await submit(scheduler, "a"), await submit(scheduler, "b")] == ["A", "B"]
        assert [await job for job in large] == ["400", "400"]
        first.release() if "wait" in first.started else second.release()
        await blocker

    run(scenario, first, second)


def test_a_large_photo_whose_deadline_passes_while_it_waits_for_memory_is_told():
    first, second, third = Work(), Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        await submit(scheduler, "a")
        for work in (first, second, third):
            work.slow_numbers = True
        blocker = submit(scheduler, "400")
        await until(lambda: 400 in first.rooms + second.rooms + third.rooms)
        late = submit(scheduler, "500", patience=0.05)
        with pytest.raises(DeadlineExceeded):
            await late
        for work in (first, second, third):
            if work.rooms and work.rooms[-1] == 400:
                work.release()
        assert await blocker == "400"

    run(scenario, first, second, third, max_pixels=900)


def test_a_slot_that_asks_for_memory_that_it_has_gets_no_more_and_its_caller_an_error():
    class Greedy(Work):
        def _outcome(self, _job: str) -> str | Exception:
            return NeedsMemory(self.rooms[-1] + 1)

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        with pytest.raises(SlotLost):
            await submit(scheduler, "a")

    run(scenario, Greedy())


def test_large_photos_hold_up_nobody_else_for_one_more_slot_starts_with_the_first():
    slots = [Work(), Work(), Work()]

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        for work in slots:
            work.slow_numbers = True
        large = [submit(scheduler, "250"), submit(scheduler, "251")]
        await until(lambda: {250, 251} <= {room for work in slots for room in work.rooms})

        assert await submit(scheduler, "a") == "A"

        for work in slots:
            if work.rooms[-1] in {250, 251}:
                work.release()
        assert [await job for job in large] == ["250", "251"]

    run(scenario, *slots[:2], replace=lambda: slots[2])
