"""The server's end of a slot's process: sends it jobs, hears its answers, notices its death, and ends it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from sightserve.backend.errors import BackendError, ModelLoadError, SlotLost
from sightserve.backend.held import Part
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.messages import jobs_message, outcomes_in
from sightserve.sandbox.channel import Channel
from sightserve.sandbox.process import Child
from sightserve.sandbox.wire import Message, message, receive


class SlotProcess:
    """One slot. It starts in any thread; from `attach` on, everything but `wait` is called on the event loop.

    Attributes:
        notes: what it said of the model when it had loaded it, where somebody waited for that.
    """

    def __init__(self, child: Child) -> None:
        """Take over a process; `send_start` tells it what to load, and when it has, it says its plan."""
        self._child = child
        self._channel = Channel(child)
        self.notes: tuple[str, ...] = ()
        self._plan: Plan | None = None
        self._asked = 0  # how many jobs it works on
        self._room = 0  # pixels that it may hold in memory for them

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.process.pid

    def send_start(self, setup: Setup, parts: Sequence[Part], *, measure: bool, plan: Plan | None = None) -> None:
        """Tell it what to load.

        Args:
            setup: how it works.
            parts: where the model is in the file that it inherited.
            measure: calibrate.
            plan: that another slot has measured.

        Raises:
            SlotLost: it is dead.
        """
        start = {"setup": asdict(setup), "parts": parts, "measure": measure, "plan": plan}
        try:
            self._child.connection.sendall(message(start))
        except OSError as exc:
            raise SlotLost("a slot's process died as it started") from exc

    def receive_plan(self, seconds: float) -> Plan:
        """Wait until it is ready and return the plan that it works by: for a slot that starts before there is a loop.

        Raises:
            ModelLoadError: it cannot load the model.
            SlotLost: it died, or was not ready after so many seconds.
        """
        connection = self._child.connection
        try:
            connection.settimeout(seconds)
            told = receive(connection)
            self._plan = _plan_in(told)
            connection.settimeout(None)
        except TimeoutError as exc:
            raise SlotLost(f"a slot did not start within {seconds:.0f} seconds") from exc
        except (EOFError, OSError, ValueError) as exc:
            raise SlotLost("a slot's process died while it started") from exc
        self.notes = tuple(str(note) for note in told.get("notes", ()))
        return self._plan

    def attach(
        self,
        ready: Callable[[], None],
        done: Callable[[Sequence[Answer | BackendError]], None],
        lost: Callable[[Exception], None],
    ) -> None:
        """Listen to it on the running event loop; see `worker.Worker`."""
        self._ready, self._done, self._lost = ready, done, lost
        self._channel.attach(self._heard, self._died)
        if self._plan is not None:
            ready()

    def send(self, jobs: Sequence[Job], waited: Sequence[float], *, alone: bool, room: int) -> None:
        """Have jobs run together; to be called again only after `done`."""
        self._asked, self._room = len(jobs), room
        self._channel.send(jobs_message(jobs, waited, alone=alone, room=room))

    def kill(self) -> None:
        """End the process at once; `lost` is called as soon as that is done."""
        self._child.process.kill()

    def close(self) -> None:
        """Hear and say nothing more; the process ends when it notices."""
        self._channel.close()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended; it is killed when that takes longer. Blocks."""
        self._child.wait(seconds)

    def end(self) -> None:
        """End it at once and free what it held; before there is a loop."""
        self.close()
        self._child.end()

    def _heard(self, told: Message) -> Callable[[], None]:
        if self._plan is None:
            self._plan = _plan_in(told.content)
            return self._ready
        outcomes = outcomes_in(told, asked=self._asked, room=self._room)
        self._asked = 0
        return partial(self._done, outcomes)

    def _died(self, why: Exception) -> None:
        self._lost(why if isinstance(why, BackendError) else SlotLost(f"the slot's process died ({why!r})"))


def _plan_in(told: dict[str, object]) -> Plan:
    if "failed" in told:
        raise ModelLoadError(str(told["failed"]))
    match told.get("plan"):
        case [int(batch), float(inference)]:
            return Plan(batch, inference)
    raise ValueError("a slot says its plan first")
