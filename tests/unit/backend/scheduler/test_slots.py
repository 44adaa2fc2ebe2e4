"""The threads around the queue, with work that does what a test says."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from sightserve.backend.errors import DeadlineExceeded, NotReady, Overloaded, SlotLost
from sightserve.backend.scheduler import Limits, Scheduler


class Work:
    """A worker whose jobs are plain words; "wait" and "hang" block until they are released, or killed."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.started: list[str] = []
        self.batches: list[tuple[list[str], bool]] = []
        self.killed = 0
        self.closed = 0

    def execute(self, jobs: Sequence[str], _waited: Sequence[float], alone: bool) -> list[str | Exception]:
        self.batches.append((list(jobs), alone))
        self.started += jobs
        if jobs[0] in {"wait", "hang"}:
            assert self.release.wait(10)
        if jobs[0] == "raise":
            raise ValueError("whatever")
        if jobs[0] in {"die", "hang"}:
            raise SlotLost("the process that worked on this image died")
        return [ValueError(job) if job == "bad" else job.upper() for job in jobs]

    def kill(self) -> None:
        self.killed += 1
        self.release.set()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def work():
    made = Work()
    yield made
    made.release.set()


@pytest.fixture
def make(work):
    made: list[Scheduler[str, str]] = []

    def build(
        slots: int = 1, *, batch: int = 1, replace: Callable[[], Work] = lambda: work, **options: float
    ) -> Scheduler[str, str]:
        limits = Limits(slots, batch=batch)
        made.append(Scheduler([work] * slots, replace, limits, service=0.001, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    work.release.set()
    for scheduler in made:
        scheduler.close()


def submit(scheduler: Scheduler[str, str], job: str, patience: float = 10.0) -> "asyncio.Future[str]":
    return scheduler.submit(scheduler.reserve(1, patience), job)


async def until(condition: Callable[[], object]) -> None:
    """Wait for another thread to get somewhere."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_a_job_gets_its_own_result_or_its_own_error(make):
    async def scenario():
        scheduler = make(slots=2)
        return await asyncio.gather(
            *(submit(scheduler, job) for job in ("a", "bad", "raise", "b")), return_exceptions=True
        )

    a, bad, raised, b = asyncio.run(scenario())

    assert (a, b) == ("A", "B")
    assert isinstance(bad, ValueError)
    assert isinstance(raised, ValueError)


def test_jobs_run_in_order_on_one_slot(make, work):
    words = [f"job{i}" for i in range(50)]

    async def scenario():
        scheduler = make()
        await asyncio.gather(*(submit(scheduler, word) for word in words))

    asyncio.run(scenario())

    assert work.started == words


def test_a_cancelled_job_never_starts(make, work):
    async def scenario():
        scheduler = make()
        blocker = submit(scheduler, "wait")
        await until(lambda: work.started)
        ticket = scheduler.reserve(1, 10.0)
        scheduler.submit(ticket, "left")
        assert scheduler.cancel(ticket)
        work.release.set()
        await blocker
        await submit(scheduler, "next")

    asyncio.run(scenario())

    assert work.started == ["wait", "next"]


def test_a_deadline_that_passes_in_the_queue_is_an_error_and_the_job_never_starts(make, work):
    async def scenario():
        scheduler = make()
        blocker = submit(scheduler, "wait")
        await until(lambda: work.started)
        late = submit(scheduler, "late", patience=0.05)
        await asyncio.sleep(0.1)
        work.release.set()
        await blocker
        with pytest.raises(DeadlineExceeded):
            await late

    asyncio.run(scenario())

    assert work.started == ["wait"]


def test_a_batch_is_what_waited_meanwhile(make, work):
    async def scenario():
        scheduler = make(batch=3)
        blocker = submit(scheduler, "wait")
        await until(lambda: work.started)
        rest = [submit(scheduler, word) for word in ("a", "b", "bad", "c")]
        work.release.set()
        await blocker
        return await asyncio.gather(*rest, return_exceptions=True)

    results = asyncio.run(scenario())

    # the last one waited until nothing else was in flight: it has all cores
    assert work.batches == [(["wait"], True), (["a", "b", "bad"], False), (["c"], True)]
    assert results[:2] == ["A", "B"]
    assert isinstance(results[2], ValueError)


def test_a_worker_that_dies_is_replaced_and_its_job_gets_an_error(make, work):
    async def scenario():
        scheduler = make()
        with pytest.raises(SlotLost):
            await submit(scheduler, "die")
        assert await submit(scheduler, "alive") == "ALIVE"
        return scheduler

    scheduler = asyncio.run(scenario())

    assert (scheduler.lost_slots, scheduler.empty_slots) == (1, 0)
    assert work.closed == 1


def test_a_worker_that_hangs_is_killed_and_the_rest_goes_on(make, work):
    async def scenario():
        scheduler = make(hang_seconds=0.05)
        hung = submit(scheduler, "hang")
        behind = submit(scheduler, "behind")
        await asyncio.sleep(0.1)
        scheduler.check()
        with pytest.raises(SlotLost):
            await hung
        assert await behind == "BEHIND"
        return scheduler

    scheduler = asyncio.run(scenario())

    assert work.killed
    assert (scheduler.lost_slots, scheduler.empty_slots) == (1, 0)


def test_a_worker_that_is_quick_is_not_killed(make, work):
    async def scenario():
        scheduler = make(hang_seconds=5.0)
        waiting = submit(scheduler, "wait")
        await until(lambda: work.started)
        scheduler.check()
        assert not work.killed
        work.release.set()
        return await waiting

    assert asyncio.run(scenario()) == "WAIT"


def test_a_slot_without_a_worker_is_told_and_filled_as_soon_as_that_works(make, work, monkeypatch):
    monkeypatch.setattr("sightserve.backend.scheduler.slots._RETRY_SECONDS", 0.01)
    tries: list[int] = []

    def replace() -> Work:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("no memory")
        spare: Work = work
        return spare

    async def scenario():
        scheduler = make(replace=replace)
        with pytest.raises(SlotLost):
            await submit(scheduler, "die")
        await until(lambda: tries and not scheduler.empty_slots)
        return await submit(scheduler, "alive")

    assert asyncio.run(scenario()) == "ALIVE"
    assert len(tries) == 3


def test_draining_refuses_new_work_and_answers_the_old(make, work):
    async def scenario():
        scheduler = make()
        old = submit(scheduler, "wait")
        scheduler.drain()
        with pytest.raises(NotReady):
            scheduler.reserve(1, 10.0)
        work.release.set()
        return await old

    assert asyncio.run(scenario()) == "WAIT"


def test_refusals_are_counted_by_reason(work):
    reasons: list[str] = []
    scheduler: Scheduler[str, str] = Scheduler(
        [work], lambda: work, Limits(1, max_requests=1), service=0.001, on_refusal=reasons.append
    )
    scheduler.reserve(1, 10.0)

    with pytest.raises(Overloaded) as caught:
        scheduler.reserve(1, 10.0)

    scheduler.close()
    assert reasons == [caught.value.reason] == ["queue_full"]
