"""One training under way: a child process of the app learns, a thread reads what it tells, the page looks on."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sightserve import lifeline
from sightserve.frontend.shared.english import sentence
from sightserve.frontend.shared.metrics import metrics
from sightserve.frontend.teach.collection import Snapshot

_log = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-P", "-m", "sightserve", "train")
_LONGEST_LINE: Final = 32 * 1024 * 1024  # bytes: a report of very many classes
_MOST_NOTES: Final = 20
_STOP_SECONDS: Final = 5.0
_LOOK_EVERY: Final = 0.1
_BUG: Final = "The training ended without saying why. Try once more; whoever runs this app finds more in its log."
_KILLED: Final = "The training was ended from outside. Perhaps there was not enough memory: try it with fewer photos."


class State(StrEnum):
    """Where a training stands."""

    WAITING = "waiting"  # for its turn: another one is under way in this app
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made.

    Attributes:
        name: of the model.
        photos: to learn from.
        replace: whether a model of this name may go.
        none_of_these: whether it may say that a photo shows none of the classes.
        subject: what it is about, as a person says it.
        made_from: what changes with whatever there is to learn from.
    """

    name: str
    photos: Snapshot
    replace: bool = False
    none_of_these: bool = False
    subject: str = ""
    made_from: str = ""

    def words(self) -> list[str]:
        """Return the command's arguments."""
        words = [str(self.photos.folder), "--name", self.name, "--progress", "json"]
        words += ["--replace"] if self.replace else []
        words += ["--none-of-these"] if self.none_of_these else []
        title = sentence(self.subject)
        return words + ([f"--title={title}", f"--question={title}: which one is it?"] if title else [])


@dataclass(frozen=True, slots=True)
class Trained:
    """What became of it: the model's name, where it lies, and what was measured, as the command tells it."""

    name: str
    directory: Path
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done: a few words, and `done` of `of` where that can be counted."""

    words: str = ""
    done: int = 0
    of: int = 0


@dataclass(slots=True)
class _Told:
    """What the child has told."""

    progress: Progress = Progress()
    notes: list[str] = field(default_factory=list)
    trained: Trained | None = None
    error: str = ""


class Training:
    """One training. Safe to use from any thread."""

    def __init__(
        self,
        wanted: Wanted,
        turns: threading.Semaphore,
        command: Sequence[str] = COMMAND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare it.

        Args:
            wanted: what is to be made.
            turns: bounds how many are under way in the app.
            command: that learns.
            clock: monotonic seconds.
        """
        self.wanted = wanted
        self.state = State.WAITING
        self._turns, self._command, self._clock = turns, command, clock
        self._told = _Told()
        self._stop = threading.Event()
        self._began = clock()

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in {State.DONE, State.STOPPED, State.FAILED}

    @property
    def progress(self) -> Progress:
        """What is being done."""
        return self._told.progress

    @property
    def notes(self) -> list[str]:
        """What a person should know."""
        return list(self._told.notes)

    @property
    def problem(self) -> str:
        """What it failed of."""
        return self._told.error

    @property
    def trained(self) -> Trained | None:
        """What became of it, once it is done."""
        return self._told.trained

    @property
    def seconds(self) -> float:
        """For how long it has been under way."""
        return self._clock() - self._began

    def start(self) -> None:
        """Begin in the background, as soon as it is its turn."""
        threading.Thread(target=self._run, name="training", daemon=True).start()

    def close(self) -> None:
        """Stop it; its process and those that it started end."""
        self._stop.set()

    def _run(self) -> None:
        while not self._turns.acquire(timeout=_LOOK_EVERY):
            if self._stop.is_set():
                self.state = State.STOPPED
                return
        try:
            self._began, self.state = self._clock(), State.RUNNING
            self.state = self._learn()
        except Exception:  # noqa: BLE001 - a bug of ours, or no process can be started: the page has to say something
            _log.exception("a training failed")
            self._told.error, self.state = _BUG, State.FAILED
        finally:
            self._turns.release()

    def _learn(self) -> State:
        if self._stop.is_set():
            return State.STOPPED
        theirs, ours = os.pipe()  # we hold the end for writing: when we are killed, it is closed
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; a name is a word of its own, and of safe letters
                [*self._command, *self.wanted.words()],
                env=os.environ | {lifeline.VARIABLE: str(theirs)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=[theirs],
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        last_words: list[bytes] = []
        readers = [
            threading.Thread(target=self._listen, args=(process,), daemon=True),
            threading.Thread(target=_keep_last, args=(process, last_words), daemon=True),
        ]
        try:
            for reader in readers:
                reader.start()
            while process.poll() is None and not self._stop.wait(_LOOK_EVERY):
                pass
        finally:
            _end(process)
            os.close(ours)
        for reader in readers:
            reader.join(_STOP_SECONDS)
        return self._outcome(process.returncode, b"".join(last_words).decode(errors="replace"))

    def _outcome(self, code: int, last_words: str) -> State:
        if self._told.trained is not None and code == 0:
            return State.DONE
        if self._stop.is_set():
            return State.STOPPED
        if not self._told.error:
            self._told.error = _KILLED if code == -signal.SIGKILL else _BUG
            _log.error("a training ended with %d: %s", code, last_words)
            metrics().script_failures.inc()
        return State.FAILED

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            while line := lines.readline(_LONGEST_LINE):
                try:
                    told = json.loads(line)
                except ValueError:
                    continue  # of a library that prints
                if isinstance(told, dict):
                    self._hear(told)

    def _hear(self, told: Mapping[str, Any]) -> None:
        match told:
            case {"step": str(words)}:
                words = self._ours(words)
                done, of = (told.get(name) for name in ("done", "of"))
                self._told.progress = Progress(words, _count(done), _count(of))
            case {"note": str(words)}:
                self._told.notes = [*self._told.notes, self._ours(words)][:_MOST_NOTES]
            case {"trained": {"name": str(name), "directory": str(directory), "report": dict(report)}}:
                self._told.trained = Trained(name, Path(directory), report)
            case {"error": str(words)}:
                self._told.error = self._ours(words)

    def _ours(self, words: str) -> str:
        """Return words without the name of a folder that a person never saw."""
        return words.replace(str(self.wanted.photos.folder), "your photos")


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _keep_last(process: "subprocess.Popen[bytes]", into: list[bytes]) -> None:
    """Keep the last of what a process says on standard error."""
    if process.stderr is None:
        return
    with process.stderr as errors:
        while part := os.read(errors.fileno(), 4096):
            into.append(part)
            del into[:-4]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started, where they have not ended by themselves."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
