"""Slots without a server: a bundle -> [slots as the server starts them, each asked by one thread that waits] -> answers."""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from sightserve.backend import held
from sightserve.backend.build import model_files, setup_of
from sightserve.backend.errors import BackendError, SlotLost
from sightserve.backend.held import Part
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.launch import spawn_slot
from sightserve.backend.messages import jobs_message, outcomes_in
from sightserve.backend.scheduler.process import SlotProcess
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import Bundle
from sightserve.sandbox.process import Child
from sightserve.sandbox.wire import receive_message

_SAID: Final = 4_096  # bytes of what a process wrote before it died
_KIB: Final = 1024


class Memory(NamedTuple):
    """What a process holds, in bytes: for itself, and mapped, which others share."""

    private: int
    shared: int


class Slots:
    """The slots of one bundle; any thread may start one."""

    def __init__(self, settings: Settings, bundle: Bundle) -> None:
        """Hold the bundle's bytes."""
        self._settings = settings
        self.setup: Setup = setup_of(settings, bundle)
        self._model = held.reserve()
        self._parts: tuple[Part, ...] = held.fill(self._model, model_files(bundle))

    def close(self) -> None:
        """Let go of the bytes; slots that run keep them."""
        os.close(self._model)

    def start(self, plan: Plan | None = None) -> "Slot":
        """Return a slot that is ready; where it gets no plan, it calibrates as the server's first one does.

        Raises:
            ModelLoadError: it cannot load the model.
            SlotLost: it died, or was not ready in time.
        """
        began = time.perf_counter()
        child = spawn_slot(self._model)
        process = SlotProcess(child)
        try:
            process.send_start(self.setup, self._parts, measure=self._settings.calibrate, plan=plan)
            plan = process.receive_plan(self._settings.start_timeout)
        except BaseException as exc:
            words = _last_words(child)
            _end(child)
            if isinstance(exc, SlotLost):
                raise SlotLost(f"{exc}{words}") from exc
            raise
        took = time.perf_counter() - began
        return Slot(child, plan, took, self.setup.most_in_memory, self._settings.hang_timeout, process.notes)

    @contextmanager
    def one(self, plan: Plan | None = None) -> Iterator["Slot"]:
        """Yield a slot as `start` returns it, and end it."""
        slot = self.start(plan)
        try:
            yield slot
        finally:
            slot.end()


class Slot:
    """A slot that is ready.

    Attributes:
        plan: that it measured, or was given.
        start: seconds from its process's start until then.
        notes: what it said of the model.
    """

    def __init__(self, child: Child, plan: Plan, start: float, room: int, hangs: float, notes: tuple[str, ...]) -> None:
        self._child, self._room, self._hangs = child, room, hangs
        self._ended, self._ending = False, threading.Lock()  # a descriptor that was closed may be another file's by now
        self.plan, self.start, self.notes = plan, start, notes

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.process.pid

    def ask(
        self, jobs: Sequence[Job], room: int | None = None, seconds: float | None = None
    ) -> list[Answer | BackendError]:
        """Have jobs run together and wait for their outcomes.

        Args:
            jobs: to run.
            room: pixels that it may hold in memory for them; None: as many as any image ever may. A photo that needs more
                has `NeedsMemory` for its outcome.
            seconds: after which it counts as hung; None: the settings' `hang_timeout`.

        Raises:
            SlotLost: it died, hangs, or makes no sense: it is good for nothing more than `end`.
        """
        connection, room = self._child.connection, self._room if room is None else room
        connection.settimeout(self._hangs if seconds is None else seconds)
        try:
            for part in jobs_message(jobs, [0.0] * len(jobs), alone=False, room=room):
                connection.sendall(part)
            return outcomes_in(receive_message(connection), asked=len(jobs), room=room)
        except TimeoutError as exc:
            raise self._lost(f"the model did not answer within {connection.gettimeout():.0f} seconds") from exc
        except (EOFError, OSError) as exc:
            raise self._lost("the process that runs the model died while it answered") from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise self._lost("the process that runs the model makes no sense") from exc

    def end(self) -> None:
        """End it at once, whatever it works on; any thread may, and twice does no harm."""
        with self._ending:
            if not self._ended:
                self._ended = True
                _end(self._child)

    def memory(self) -> Memory | None:
        """Return what it holds; None where the system does not say."""
        try:
            text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return _memory(found)

    def _lost(self, why: str) -> SlotLost:
        with self._ending:
            return SlotLost(why if self._ended else f"{why}{_last_words(self._child)}")


def _memory(status: Mapping[str, str]) -> Memory | None:
    try:
        anonymous, files, memory_files = (
            int(status[name].split()[0]) * _KIB for name in ("RssAnon", "RssFile", "RssShmem")
        )
    except (KeyError, ValueError, IndexError):
        return None
    return Memory(anonymous, files + memory_files)


def _end(child: Child) -> None:
    child.end()
    if child.stderr is not None:
        os.close(child.stderr)


def _last_words(child: Child) -> str:
    """Return the last line that a lost process wrote."""
    if child.stderr is None:
        return ""
    os.set_blocking(child.stderr, False)
    with suppress(OSError):
        if lines := os.read(child.stderr, 2**16)[-_SAID:].decode(errors="replace").strip().splitlines():
            return f": {lines[-1]}"
    return ""
