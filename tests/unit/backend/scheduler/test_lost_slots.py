"""Workers that die, hang or do not start: who notices, and what takes their place."""

import asyncio

import pytest
from tests.unit.backend.scheduler.work import SECONDS, Work, run, submit

from sightserve.backend.errors import BackendError, SlotLost
from sightserve.backend.scheduler import Scheduler
from sightserve.backend.scheduler.pool import pause_after


def test_a_worker_that_dies_is_replaced_and_its_job_gets_an_error():
    work, spare = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        dying, behind = submit(scheduler, "die"), submit(scheduler, "behind")
        with pytest.raises(SlotLost):
            await dying
        assert scheduler.ready_slots == 0
        assert await behind == "BEHIND"
        assert scheduler.ready_slots == 1

    lost: list[int] = []
    run(scenario, work, replace=lambda: spare, lost=lost)

    assert (work.ended, spare.started, len(lost)) == (1, ["behind"], 1)


def test_a_worker_that_dies_takes_no_one_along_who_ran_beside_the_one_that_killed_it():
    work, spares = Work(), [Work(), Work()]

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        first = submit(scheduler, "wait")
        innocent, guilty, other = (submit(scheduler, job) for job in ("innocent", "die", "other"))
        work.release()
        await first
        work.die()  # with three at work
        with pytest.raises(SlotLost):
            await guilty
        assert [await innocent, await other] == ["INNOCENT", "OTHER"]

    lost: list[int] = []
    run(scenario, work, replace=lambda: spares.pop(0), batch=3, lost=lost)

    assert len(lost) == 2
    assert work.batches[1] == (["innocent", "die", "other"], False)


def test_a_worker_that_dies_with_nothing_to_do_is_replaced_and_nobody_notices():
    work, spare = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        work.die()
        assert await submit(scheduler, "a") == "A"

    run(scenario, work, replace=lambda: spare)

    assert (work.started, spare.started) == ([], ["a"])


def test_a_worker_that_hangs_is_killed_and_the_rest_goes_on():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        hung, behind = submit(scheduler, "hang"), submit(scheduler, "behind")
        await asyncio.sleep(0.1)
        scheduler.check()
        with pytest.raises(SlotLost):
            await hung
        assert await behind == "BEHIND"
        assert scheduler.ready_slots == 1

    lost: list[int] = []
    run(scenario, work, hang_seconds=0.05, lost=lost)

    assert (bool(work.killed), len(lost)) == (True, 1)


def test_a_worker_that_hangs_at_several_is_killed_soon_so_that_the_others_are_answered_in_time():
    work, spares = Work(), [Work(), Work()]

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        first = submit(scheduler, "wait")
        innocent, guilty, other = (submit(scheduler, job) for job in ("innocent", "hang", "other"))
        work.release()
        await first
        await asyncio.sleep(0.06)
        scheduler.check()
        assert await innocent == "INNOCENT"
        assert not guilty.done()  # alone it may take its time
        await asyncio.sleep(0.3)
        scheduler.check()
        with pytest.raises(SlotLost):
            await guilty
        assert await other == "OTHER"

    run(scenario, work, replace=lambda: spares.pop(0), batch=3, hang_seconds=0.3, batch_seconds=0.05)


def test_a_worker_that_hangs_while_it_starts_is_killed_and_replaced():
    hanging = Work(starts=None)

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        await asyncio.sleep(0.1)
        assert scheduler.ready_slots == 0
        scheduler.check()
        assert await submit(scheduler, "a") == "A"

    run(scenario, hanging, start_seconds=0.05)

    assert hanging.killed


def test_a_worker_that_hangs_holds_up_nobody_but_its_own():
    """Both slots have memory for one large photo more than they may take unasked; the first of these hangs for good."""
    first, second = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        hung = submit(scheduler, "hang")
        assert [await submit(scheduler, job) for job in ("a", "251", "b")] == ["A", "251", "B"]
        assert not hung.done()

    run(scenario, first, second)


def test_a_worker_that_is_quick_is_not_killed():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        submit(scheduler, "wait")
        scheduler.check()

    run(scenario, work, hang_seconds=5.0)

    assert not work.killed


@pytest.mark.parametrize("worker", [Work(), None], ids=["lost", "never there"])
def test_a_slot_without_a_worker_is_filled_as_soon_as_that_works(worker, monkeypatch):
    monkeypatch.setattr("sightserve.backend.scheduler.pool._FIRST_PAUSE", 0.01)
    tries: list[int] = []

    def replace() -> Work:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no memory")
        return Work(starts=len(tries) > 2)

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        if worker is not None:
            worker.die()
        assert scheduler.ready_slots == 0
        assert await submit(scheduler, "alive") == "ALIVE"
        assert scheduler.ready_slots == 1

    run(scenario, worker, replace=replace)

    assert len(tries) == 3


def test_the_pauses_between_workers_that_die_grow_up_to_a_bound():
    assert [pause_after(failures) for failures in (0, 1, 2, 3, 4, 5, 6, 1000)] == [0, 0.5, 1, 2, 4, 8, 8, 8]


def test_a_slot_whose_workers_die_again_and_again_waits_longer_each_time_until_one_has_answered(monkeypatch):
    """The first that dies at work is replaced at once, and so is one that dies after it has answered."""
    monkeypatch.setattr("sightserve.backend.scheduler.pool._FIRST_PAUSE", 0.001)
    pauses: list[int] = []

    def pause(failures: int) -> float:
        pauses.append(failures)
        return 0.001 * failures

    monkeypatch.setattr("sightserve.backend.scheduler.pool.pause_after", pause)

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        for job in ("die", "die", "die"):
            with pytest.raises(SlotLost):
                await submit(scheduler, job)
        assert await submit(scheduler, "a") == "A"
        with pytest.raises(SlotLost):
            await submit(scheduler, "die")

    run(scenario, Work())

    assert pauses == [0, 1, 2, 0]


def test_a_photo_whose_caller_has_left_does_not_run_again_when_its_slot_dies():
    work, spare = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        blocker = submit(scheduler, "wait")
        tickets = [scheduler.reserve(1, SECONDS) for _ in range(3)]
        left, stays, also_left = (scheduler.submit(t, f"job{i}") for i, t in enumerate(tickets))
        work.hold = True
        work.release()
        await blocker
        scheduler.cancel(tickets[0])
        left.set_exception(BackendError("gone"))
        left.exception()
        also_left.cancel()
        scheduler.cancel(tickets[2])
        work.die()
        assert await stays == "JOB1"
        assert scheduler.in_flight == 0

    run(scenario, work, replace=lambda: spare, batch=3)

    assert spare.started == ["job1"]
