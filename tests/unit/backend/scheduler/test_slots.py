"""The loop around the queue, with work that does what a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from sightserve.backend.errors import DeadlineExceeded, NotReady, Overloaded, SlotLost
from sightserve.backend.scheduler import Limits, Scheduler

SECONDS = 10.0


class Work:
    """A worker whose jobs are plain words; "wait" and "hang" go on until they are released, or killed."""

    def __init__(self, starts: bool = True) -> None:
        self.started: list[str] = []
        self.batches: list[tuple[list[str], bool]] = []
        self.killed = 0
        self.ended = 0
        self._starts = starts
        self._jobs: Sequence[str] = []

    def attach(
        self,
        ready: Callable[[], None],
        done: Callable[[Sequence[str | Exception]], None],
        lost: Callable[[Exception], None],
    ) -> None:
        self._done, self._lost = done, lost
        if self._starts:
            ready()
        else:
            lost(OSError("no model"))

    def send(self, jobs: Sequence[str], _waited: Sequence[float], alone: bool) -> None:
        self.batches.append((list(jobs), alone))
        self.started += jobs
        self._jobs = jobs
        if jobs[0] not in {"wait", "hang"}:
            # later, as a process answers
            asyncio.get_running_loop().call_soon(self.die if jobs[0] == "die" else self.release)

    def release(self) -> None:
        self._done([ValueError(job) if job == "bad" else job.upper() for job in self._jobs])

    def die(self) -> None:
        self._lost(OSError("the process died"))

    def kill(self) -> None:
        self.killed += 1
        if self._jobs and self._jobs[0] == "hang":
            self._jobs = []
            asyncio.get_running_loop().call_soon(self.die)

    def close(self) -> None:
        pass

    def wait(self, _seconds: float) -> None:
        self.ended += 1


def run(
    scenario: Callable[[Scheduler[str, str]], Awaitable[None]],
    *workers: Work | None,
    replace: Callable[[], Work] = Work,
    batch: int = 1,
    **options: float,
) -> None:
    """Run a scenario with a scheduler that has these workers."""

    async def whole() -> None:
        scheduler: Scheduler[str, str] = Scheduler(
            workers,
            replace,
            Limits(len(workers), batch=batch),
            service=0.001,
            **options,  # type: ignore[arg-type]
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
        assert scheduler.empty_slots == 1
        assert await behind == "BEHIND"
        assert (scheduler.lost_slots, scheduler.empty_slots) == (1, 0)

    run(scenario, work, replace=lambda: spare)

    assert (work.ended, spare.started) == (1, ["behind"])


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
        assert scheduler.lost_slots == 2

    run(scenario, work, replace=lambda: spares.pop(0), batch=3)

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
        assert (scheduler.lost_slots, scheduler.empty_slots) == (1, 0)

    run(scenario, work, hang_seconds=0.05)

    assert work.killed


def test_a_worker_that_is_quick_is_not_killed():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        submit(scheduler, "wait")
        scheduler.check()

    run(scenario, work, hang_seconds=5.0)

    assert not work.killed


@pytest.mark.parametrize("worker", [Work(), None], ids=["lost", "never there"])
def test_a_slot_without_a_worker_is_told_and_filled_as_soon_as_that_works(worker, monkeypatch):
    monkeypatch.setattr("sightserve.backend.scheduler.slots._RETRY_SECONDS", 0.01)
    tries: list[int] = []

    def replace() -> Work:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no memory")
        return Work(starts=len(tries) > 2)

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        if worker is not None:
            worker.die()
        await until(lambda: scheduler.empty_slots)
        assert await submit(scheduler, "alive") == "ALIVE"
        assert not scheduler.empty_slots

    run(scenario, worker, replace=replace)

    assert len(tries) == 3


def test_draining_refuses_new_work_and_answers_the_old():
    work = Work()

    async def scenario(scheduler: Scheduler[str, str]) -> None:
        old = submit(scheduler, "wait")
        scheduler.drain()
        with pytest.raises(NotReady):
            scheduler.reserve(1, SECONDS)
        work.release()
        assert await old == "WAIT"

    run(scenario, work)


def test_the_end_waits_for_every_worker_even_for_one_that_is_being_made():
    workers = [Work(), Work()]

    async def scenario(_scheduler: Scheduler[str, str]) -> None:
        pass

    run(scenario, workers[0], None, replace=lambda: workers[1])

    assert [worker.ended for worker in workers] == [1, 1]


def test_refusals_are_counted_by_reason():
    reasons: list[str] = []
    scheduler: Scheduler[str, str] = Scheduler(
        [], Work, Limits(1, max_requests=1), service=0.001, on_refusal=reasons.append
    )
    scheduler.reserve(1, 10.0)

    with pytest.raises(Overloaded) as caught:
        scheduler.reserve(1, 10.0)

    assert reasons == [caught.value.reason] == ["queue_full"]
