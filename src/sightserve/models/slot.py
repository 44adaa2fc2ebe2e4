"""Check: a bundle -> [slots as the server starts them, each asked by one thread that waits] -> answers."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from sightserve.backend import held
from sightserve.backend.build import model_files, setup_of
from sightserve.backend.errors import BackendError, ModelLoadError, SlotLost
from sightserve.backend.held import Part
from sightserve.backend.job import Answer, Job, Plan, Setup
from sightserve.backend.launch import spawn_slot
from sightserve.backend.messages import jobs_message, outcomes_in
from sightserve.backend.scheduler.process import SlotProcess
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import Bundle
from sightserve.models.errors import NotVerified
from sightserve.sandbox.process import Child
from sightserve.sandbox.wire import receive_message

_SAID: Final = 4_096  # bytes of what a process wrote before it died
_KIB: Final = 1024


class Memory(NamedTuple):
    """What a process holds, in bytes: for itself, and mapped, which others share."""

    private: int
    shared: int


class Slots:
    """The slots of one bundle, started one after another."""

    def __init__(self, settings: Settings, bundle: Bundle) -> None:
        """Hold the bundle's bytes."""
        self._settings = settings
        self.setup: Setup = setup_of(settings, bundle)
        self._model = held.reserve()
        self._parts: tuple[Part, ...] = held.fill(self._model, model_files(bundle))

    def close(self) -> None:
        """Let go of the bytes."""
        os.close(self._model)

    @contextmanager
    def one(self, plan: Plan | None = None) -> Iterator["Slot"]:
        """Yield a slot that is ready, and end it; where it gets no plan, it calibrates as the server's first one does.

        Raises:
            NotVerified: it cannot load the model.
        """
        began = time.perf_counter()
        child = spawn_slot(self._model)
        process = SlotProcess(child)
        errors = child.stderr
        try:
            process.send_start(self.setup, self._parts, measure=self._settings.calibrate, plan=plan)
            plan = process.receive_plan(self._settings.start_timeout)
            child.connection.settimeout(self._settings.hang_timeout)
            yield Slot(child, plan, time.perf_counter() - began, self.setup.most_in_memory, process.notes)
        except ModelLoadError as exc:
            raise NotVerified(str(exc)) from exc
        except SlotLost as exc:
            raise NotVerified(f"{exc}{_last_words(errors)}") from exc
        finally:
            process.end()
            if errors is not None:
                os.close(errors)


class Slot:
    """A slot that is ready.

    Attributes:
        plan: that it measured, or was given.
        start: seconds from its process's start until then.
        notes: what it said of the model.
    """

    def __init__(self, child: Child, plan: Plan, start: float, room: int, notes: tuple[str, ...]) -> None:
        self._child, self._room = child, room
        self.plan, self.start, self.notes = plan, start, notes

    def ask(self, jobs: Sequence[Job]) -> list[Answer | BackendError]:
        """Have jobs run together and wait for their outcomes.

        Raises:
            SlotLost: it died, hangs, or makes no sense.
        """
        connection = self._child.connection
        try:
            for part in jobs_message(jobs, [0.0] * len(jobs), alone=False, room=self._room):
                connection.sendall(part)
            return outcomes_in(receive_message(connection))
        except TimeoutError as exc:
            raise SlotLost(f"the model did not answer within {connection.gettimeout():.0f} seconds") from exc
        except (EOFError, OSError) as exc:
            raise SlotLost("the process that runs the model died while it answered") from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise SlotLost("the process that runs the model makes no sense") from exc

    def memory(self) -> Memory | None:
        """Return what it holds; None where the system does not say."""
        try:
            text = Path(f"/proc/{self._child.process.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return _memory(found)


def _memory(status: Mapping[str, str]) -> Memory | None:
    try:
        anonymous, files, memory_files = (
            int(status[name].split()[0]) * _KIB for name in ("RssAnon", "RssFile", "RssShmem")
        )
    except (KeyError, ValueError, IndexError):
        return None
    return Memory(anonymous, files + memory_files)


def _last_words(errors: int | None) -> str:
    """Return the last line that a dead process wrote."""
    if errors is None:
        return ""
    os.set_blocking(errors, False)
    with suppress(OSError):
        if lines := os.read(errors, 2**16)[-_SAID:].decode(errors="replace").strip().splitlines():
            return f": {lines[-1]}"
    return ""
