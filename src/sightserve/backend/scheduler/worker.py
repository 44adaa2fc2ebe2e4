"""What a slot works with, seen from `pool.py` and `slots.py`."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Job_contra = TypeVar("Job_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Worker(Protocol[Job_contra, Result_co]):
    """A process (`process.SlotProcess`), or in tests whatever does as it is told."""

    def attach(
        self,
        ready: Callable[[], None],
        done: Callable[[Sequence[Result_co | Exception]], None],
        lost: Callable[[Exception], None],
    ) -> None:
        """Begin to work for a slot, on the running event loop.

        Args:
            ready: to be called once, when it can work; at once where it can already.
            done: to be called with the results of what was sent, each a result or the exception that the job ended with;
                `errors.NeedsMemory` has that job run again, with the room that it needs.
            lost: to be called when it cannot start or has died, with the reason; nothing is called after that.
        """

    def send(self, jobs: Sequence[Job_contra], waited: Sequence[float], *, alone: bool, room: int) -> None:
        """Begin to run jobs together; never while others run.

        Args:
            jobs: usually one; several where the queue batches.
            waited: for how many seconds each of them waited.
            alone: nothing else is in flight.
            room: pixels that it may hold in memory.
        """

    def kill(self) -> None:
        """End it at once; it is lost then."""

    def close(self) -> None:
        """Call nothing any more, and have it end."""

    def wait(self, seconds: float) -> None:
        """Wait for its end, which is forced after so many seconds. Blocks; may be called in any thread."""
