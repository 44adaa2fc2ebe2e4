"""The server's end of a slot's process: sends it jobs, hears its answers, notices its death, and ends it."""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict

from sightserve.backend import messages as wire
from sightserve.backend.errors import BackendError, ModelLoadError, SlotLost
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.launch import Spawned

_READ_BYTES = 8_192  # an answer with the five most probable classes has a tenth of that
# An ordinary photo fits, and goes out in one call. The system may give less; the rest then follows as the slot reads.
_SEND_BUFFER = 256 * 1024


class SlotProcess:
    """One slot. It starts in any thread; from `attach` on, everything but `wait` is called on the event loop."""

    def __init__(self, spawned: Spawned) -> None:
        """Take over a process; `send_start` tells it what to load, and when it has, it says its plan."""
        spawned.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._socket = spawned.connection
        self._process = spawned.process
        self._plan: Plan | None = None
        self._received = bytearray()
        self._unsent: list[memoryview] = []
        self._asked = 0  # how many jobs it works on
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send_start(self, setup: Setup, *, measure: bool, plan: Plan | None = None) -> None:
        """Tell it what to load, and whether to calibrate; raises SlotLost when it is dead."""
        try:
            self._socket.sendall(wire.message({"setup": asdict(setup), "measure": measure, "plan": plan}))
        except OSError as exc:
            raise SlotLost("a slot's process died as it started") from exc

    def receive_plan(self) -> Plan:
        """Wait until it is warm and return the plan that it works by: for a slot that starts before there is a loop.

        Raises:
            ModelLoadError: it cannot load the model.
            SlotLost: it died.
        """
        try:
            self._plan = _plan_in(wire.receive(self._socket))
        except (EOFError, OSError, ValueError) as exc:
            raise SlotLost("the first slot's process died while it started") from exc
        return self._plan

    def measure_wide(self) -> Plan:
        """Have it measure, while nothing else runs, whether all cores answer a lone request sooner; return its new plan.

        Raises:
            SlotLost: it died.
        """
        try:
            self._socket.sendall(wire.message({"measure": "wide"}))
        except OSError as exc:
            raise SlotLost("the first slot's process died while it started") from exc
        return self.receive_plan()

    def attach(
        self,
        ready: Callable[[], None],
        done: Callable[[Sequence[Answer | BackendError]], None],
        lost: Callable[[Exception], None],
    ) -> None:
        """Listen to it on the running event loop; see `worker.Worker`."""
        self._ready, self._done, self._lost = ready, done, lost
        self._loop = asyncio.get_running_loop()
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._read)
        if self._plan is not None:
            ready()

    def send(self, jobs: Sequence[Job], waited: Sequence[float], alone: bool) -> None:
        """Have jobs run together; to be called again only after `done`, so that no more than these ever wait in memory."""
        self._asked = len(jobs)
        self._unsent = [memoryview(part) for part in wire.jobs_message(jobs, waited, alone)]
        self._write()
        if self._unsent and self._loop is not None:
            self._loop.add_writer(self._socket, self._write_on)

    def kill(self) -> None:
        """End the process at once; `lost` is called as soon as that is done."""
        self._process.kill()

    def close(self) -> None:
        """Hear and say nothing more; the process ends when it notices."""
        if self._loop is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._unsent.clear()
        self._socket.close()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended; it is killed when that takes longer. Blocks."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """End it at once and free what it held; before there is a loop."""
        self.kill()
        self.close()
        self.wait(1.0)

    def _write(self) -> None:
        """Send as much as the process has room for."""
        try:
            sent = self._socket.sendmsg(self._unsent)
        except BlockingIOError:
            return
        except OSError:  # it is dead: `_read` hears that too, and tells
            self._unsent.clear()
            return
        while self._unsent and sent >= len(self._unsent[0]):
            sent -= len(self._unsent.pop(0))
        if self._unsent:
            self._unsent[0] = self._unsent[0][sent:]

    def _write_on(self) -> None:
        self._write()
        if not self._unsent and self._loop is not None:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Take what it has said; end the relation when that is not what it was asked for, or its end."""
        try:
            piece = self._socket.recv(_READ_BYTES)
            if not piece:
                raise EOFError
            self._received += piece
            told = wire.message_in(self._received)
            if told is None:
                return
            self._received.clear()
            if self._plan is None:
                self._plan, outcomes = _plan_in(told.content), None
            else:
                outcomes = wire.outcomes_in(told)
                if not outcomes or len(outcomes) != self._asked:
                    raise ValueError("it answered what nobody asked")
                self._asked = 0
        except BlockingIOError:
            return
        except Exception as exc:  # noqa: BLE001 - a slot may have been taken over: nothing that it says may harm the server
            self.close()
            self._lost(exc if isinstance(exc, BackendError) else SlotLost(f"the slot's process died ({exc!r})"))
            return
        if outcomes is None:
            self._ready()
        else:
            self._done(outcomes)


def _plan_in(told: dict[str, object]) -> Plan:
    if "failed" in told:
        raise ModelLoadError(str(told["failed"]))
    match told.get("plan"):
        case [int(batch), bool(wide), float(inference)]:
            return Plan(batch, wide, inference)
    raise ValueError("a slot says its plan first")
