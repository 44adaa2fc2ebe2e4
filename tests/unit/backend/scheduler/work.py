"""A worker that does as a test says."""

import asyncio
from collections.abc import Callable, Sequence

from sightserve.backend.errors import NeedsMemory


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
        if not held and jobs[0] not in {"wait", "hang"}:
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
        if self._starts is None or (self._jobs and self._jobs[0] == "hang"):
            self._jobs = []
            asyncio.get_running_loop().call_soon(self.die)

    def close(self) -> None:
        pass

    def wait(self, _seconds: float) -> None:
        self.ended += 1
