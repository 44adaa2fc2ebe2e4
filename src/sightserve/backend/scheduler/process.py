"""The server's end of a slot's process: starts it, hands it jobs, notices its death, and ends it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from sightserve.backend.errors import BackendError, ModelLoadError, SlotLost
from sightserve.backend.job import Answer, Job, Plan
from sightserve.backend.wire import ask, outcome_of, reply, send_jobs

if TYPE_CHECKING:  # the load test's simulation runs this package's queue without the backend's dependencies
    from sightserve.backend.settings import Settings


class SlotProcess:
    """One slot. Its methods are called by one thread, but for `kill`, which any thread may call at any time."""

    def __init__(self, settings: "Settings", lock: int) -> None:
        """Start the process; `begin` hands it the model and waits until it is warm.

        Args:
            settings: of the whole server.
            lock: file descriptor for `pixels.PixelBudget`.
        """
        ours, theirs = socket.socketpair()
        self._settings = settings
        self._end = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
                [sys.executable, "-m", "sightserve.backend.slot_main", str(theirs.fileno()), str(lock)],
                pass_fds=(theirs.fileno(), lock),
                stdin=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send_start(self, *, measure: bool, plan: Plan | None = None) -> None:
        """Tell it what to load, and whether to calibrate; `receive_plan` waits for the end of that."""
        settings = self._settings.model_dump(mode="json", exclude={"api_keys", "rate_limit"})
        with self._translated():
            reply(self._connection, {"settings": settings, "measure": measure, "plan": plan})

    def receive_plan(self) -> Plan:
        """Wait until it is warm and return the plan that it works by.

        Raises:
            ModelLoadError: it cannot load the model.
            SlotLost: it died.
        """
        with self._translated():
            told = ask(self._connection)
        if "failed" in told:
            raise ModelLoadError(told["failed"])
        return Plan(*told["plan"])

    def execute(self, jobs: Sequence[Job], waited: Sequence[float], alone: bool) -> list[Answer | BackendError]:
        """Run jobs together and return each one's answer or error.

        Raises:
            SlotLost: the process died, or was killed, while it worked on them.
        """
        with self._translated():
            send_jobs(self._connection, list(jobs), list(waited), alone)
            return [outcome_of(told) for told in ask(self._connection)["outcomes"]]

    def kill(self) -> None:
        """End the process at once; a thread that waits in `execute` gets SlotLost."""
        with self._end, contextlib.suppress(ProcessLookupError):
            if self._process.poll() is None:
                os.kill(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and free what it held."""
        self._connection.close()  # it ends when it reads the end of its connection
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError, ValueError) as exc:  # closed, reset, or bytes that are no message
            raise SlotLost("the process that worked on this image died") from exc
