"""The loop around the queue, with work that does what a test says."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.backend.scheduler.work import Work

from sightserve.backend.errors import BackendError, DeadlineExceeded, NeedsMemory, Overloaded, SlotLost
from sightserve.backend.scheduler import Limits, Patience, Scheduler
from sightserve.backend.scheduler.pool import pause_after

SECONDS = 10.0


def run(
    scenario: Callable[[Scheduler[str, str]], Awaitable[None]],
    *workers: Work | None,
    replace: Callable[[], Work] = Work,
    batch: int = 1,
    max_pixels: int = 1000,
    hang_seconds: float = 30.0,
    start_seconds: float = 30.0,
    lost: list[int] | None = None,
) -> None:
    """Run a scenario with a scheduler that has these workers; `lost` gets an element for each lost slot."""

    async def whole() -> None:
        scheduler: Scheduler[str, str] = Scheduler(
            workers,
            replace,
            Limits(len(workers), batch=batch, max_pixels=max_pixels),
            service=0.001,
            patience=Patience(hang_seconds, start_seconds),
            on_lost_slot=lambda: lost.append(1) if lost is not None else None,
        )
        scheduler.start()
        async with asyncio.timeout(SECONDS):
            await scenario(scheduler)
        await scheduler.close()

    asyncio.run(whole())


def submit(scheduler: Scheduler[str, str], job: str, patience: float = SECONDS) -> "asyncio.Future[str]":
    return scheduler.submit(scheduler.reserve(1, patience), job)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something to happen on the loop."""
    while not condition():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.001)


def test_a_job_gets_its_own_result_or_its_own_error():
    async def scenario(scheduler: Scheduler[str, str]) -> None:
        a, bad, b = await asyncio.gather(*(submit(scheduler, job) for job in ("a", "bad", "b")), return_exceptions=True)
        assert (a, b) == ("A", "B")
        assert isinstance(bad, ValueError)

    run(scenario, Work(), Work())


def test_jobs_run_in_order_on_one_slot():
    work = Work()
    words = [f"job{i}" for i in range(50)]

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        await asyncio.gather(*(submit(scheduler, word) for word in words))

    run(scenario, work)

    assert work.started == words


def test_as_many_run_at_once_as_there_are_slots():
    first, second = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        for _ in range(3):
            submit(scheduler, "wait")
        assert (scheduler.depth, scheduler.in_flight) == (1, 3)

    run(scenario, first, second)

    assert first.started == second.started == ["wait"]


def test_a_slot_has_its_next_job_before_anybody_hears_of_its_last():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        seen: list[list[str]] = []
        submit(scheduler, "wait").add_done_callback(lambda _future: seen.append(list(work.started)))
        submit(scheduler, "wait")
        work.release()
        await until(lambda: seen)
        assert seen == [["wait", "wait"]]

    run(scenario, work)


def test_a_cancelled_job_never_starts():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        blocker = submit(scheduler, "wait")
        ticket = scheduler.reserve(1, SECONDS)
        scheduler.submit(ticket, "left")
        assert scheduler.cancel(ticket)
        work.release()
        await blocker
        await submit(scheduler, "next")

    run(scenario, work)

    assert work.started == ["wait", "next"]


def test_the_answer_to_somebody_who_has_left_is_dropped_and_the_slot_goes_on():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        submit(scheduler, "wait").cancel()
        work.release()
        assert await submit(scheduler, "next") == "NEXT"
        assert scheduler.in_flight == 0

    run(scenario, work)


def test_a_deadline_that_passes_in_the_queue_is_told_then_and_the_job_never_starts():
    """The slot is busy all the time: nobody waits for it to hear that it is too late."""
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        blocker = submit(scheduler, "wait")
        patient, late = submit(scheduler, "patient"), submit(scheduler, "late", patience=0.02)
        with pytest.raises(DeadlineExceeded):
            await late
        assert not blocker.done()
        work.release()
        await asyncio.gather(blocker, patient)

    run(scenario, work)

    assert work.started == ["wait", "patient"]


def test_a_batch_is_what_waited_meanwhile():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        submit(scheduler, "wait")
        rest = [submit(scheduler, word) for word in ("a", "b", "bad", "c")]
        work.release()
        a, b, bad, c = await asyncio.gather(*rest, return_exceptions=True)
        assert (a, b, c) == ("A", "B", "C")
        assert isinstance(bad, ValueError)

    run(scenario, work, batch=3)

    # the last one waited until nothing else was in flight: it has all cores
    assert work.batches == [(["wait"], True), (["a", "b", "bad"], False), (["c"], True)]


def test_a_batch_that_nobody_joins_starts_without_them():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        scheduler.reserve(1, SECONDS)  # company that never arrives
        assert await submit(scheduler, "a") == "A"

    async def whole() -> None:
        limits = Limits(1, batch=2, batch_wait=0.01)
        scheduler: Scheduler[str, str] = Scheduler([work], Work, limits, service=0.001)
        scheduler.start()
        async with asyncio.timeout(SECONDS):
            await scenario(scheduler)
        await scheduler.close()

    asyncio.run(whole())

    assert work.batches == [(["a"], False)]


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


def test_a_photo_that_needs_more_memory_than_a_slot_may_take_runs_again_with_it():
    """Two slots and a thousand pixels: 250 for each, and 500 for those that need more."""
    first, second = Work(), Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        assert await submit(scheduler, "300") == "300"
        assert scheduler.in_flight == 0

    run(scenario, first, second)

    assert first.rooms + second.rooms in ([250, 300], [300, 250])


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


def test_the_images_of_a_request_are_answered_one_by_one_and_a_lost_slot_is_one_error():
    spares = [Work(), Work()]

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        members = scheduler.split(scheduler.reserve(3, SECONDS), [1, 1, 1])
        jobs = [scheduler.submit(m, job) for m, job in zip(members, ("a", "die", "b"), strict=True)]
        a, lost, b = await asyncio.gather(*jobs, return_exceptions=True)
        assert (a, b) == ("A", "B")
        assert isinstance(lost, SlotLost)

    run(scenario, Work(), replace=lambda: spares.pop(0))


def test_an_upload_that_gives_way_is_told_at_once():
    now = [0.0]

    async def whole() -> None:
        limits = Limits(1, max_uploads=1)
        scheduler: Scheduler[str, str] = Scheduler([Work()], Work, limits, service=0.001, clock=lambda: now[0])
        scheduler.start()
        slow = scheduler.reserve(100, SECONDS)

        async def upload() -> None:
            async with scheduler.uploading(slow):
                await asyncio.sleep(SECONDS)

        reading = asyncio.create_task(upload())
        await asyncio.sleep(0)
        now[0] = 6.0
        scheduler.reserve(100, SECONDS)
        async with asyncio.timeout(SECONDS / 2):
            with pytest.raises(Overloaded) as caught:
                await reading
        assert caught.value.reason == "slow_upload"
        await scheduler.close()

    asyncio.run(whole())


def test_the_end_waits_for_every_worker_even_for_one_that_is_being_made():
    workers = [Work(), Work()]

    async def scenario(_scheduler: Scheduler[str, str]) -> None:
        pass

    run(scenario, workers[0], None, replace=lambda: workers[1])

    assert [worker.ended for worker in workers] == [1, 1]


def test_refusals_are_counted_by_reason():
    reasons: list[str] = []
    scheduler: Scheduler[str, str] = Scheduler(
        [], Work, Limits(1, max_uploads=1), service=0.001, on_refusal=reasons.append
    )
    scheduler.reserve(1, 10.0)

    with pytest.raises(Overloaded) as caught:
        scheduler.reserve(1, 10.0)

    assert reasons == [caught.value.reason] == ["uploads_full"]
