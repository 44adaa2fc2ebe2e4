"""The loop around the queue, with work that does what a test says."""

import asyncio

import pytest
from tests.unit.backend.scheduler.work import SECONDS, Work, run, submit, until

from sightserve.backend.errors import DeadlineExceeded, Overloaded, SlotLost
from sightserve.backend.scheduler import Limits, Scheduler


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
