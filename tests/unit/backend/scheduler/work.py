"""A worker that does as a test says, and a scheduler with such workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sightserve.backend.errors import NeedsMemory
from sightserve.backend.scheduler import Limits, Patience, Scheduler

SECONDS = 10.0


class Work:
    """A worker whose jobs are plain words; "wait" and "hang" go on until they are released, or killed.

    A number is a photo that needs so many pixels. `starts`: False where it dies at its start, None where it hangs there.
    """

    def __init__(self, starts: bool | None = True) -> None:
        self.started: list[str] = []
        self.batches: list[tuple[list[str], bool]] = []
        self.rooms: list[int] = []
        self.hold = False  # whatever comes goes on until it is released
        self.slow_numbers = False  # what runs with the memory that it needs does
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
        elif self._starts is False:
            lost(OSError("no model"))

    def send(self, jobs: Sequence[str], _waited: Sequence[float], *, alone: bool, room: int) -> None:
        self.batches.append((list(jobs), alone))
        self.rooms.append(room)
        self.started += jobs
        self._jobs = jobs
        held = self.hold or (self.slow_numbers and jobs[0].isdigit() and int(jobs[0]) <= room)
        if not held and not {"wait", "hang"} & set(jobs):
            # later, as a process answers
            asyncio.get_running_loop().call_soon(self.die if jobs[0] == "die" else self.release)

    def release(self) -> None:
        self._done([self._outcome(job) for job in self._jobs])

    def _outcome(self, job: str) -> str | Exception:
        if job == "bad":
            return ValueError(job)
        if job.isdigit() and int(job) > self.rooms[-1]:
            return NeedsMemory(int(job))
        return job.upper()

    def die(self) -> None:
        self._lost(OSError("the process died"))

    def kill(self) -> None:
        self.killed += 1
        if self._starts is None or "hang" in self._jobs:
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
    max_pixels: int = 1000,
    hang_seconds: float = 30.0,
    batch_seconds: float = 30.0,
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
            patience=Patience(hang_seconds, batch_seconds, start_seconds),
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
