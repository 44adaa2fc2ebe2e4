"""Deploying: steps -> [carried out, one after the other], without a shell; the first that fails ends it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Final

from sightserve.deploy.steps import Step, When, Words

_PAUSE: Final = 10.0  # seconds before another try
_REFUSED_SECONDS: Final = 60.0  # what fails later was let in, did its work, and failed at that: it would again
_QUICK_SECONDS: Final = 600
_LONG_SECONDS: Final = 3600
_LAST_WORDS: Final = 30  # lines
# How gcloud says that a thing is not there, as opposed to: you may not see it, or: you are not logged in.
_ABSENT: Final = ("NOT_FOUND", "Cannot find service", "not found", "does not exist", "Unknown service account")
_OTHERWISE: Final = ("PERMISSION_DENIED", "UNAUTHENTICATED", "does not have permission", "gcloud auth login")


class Outcome(StrEnum):
    """How a step went."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"


class CommandFailed(Exception):
    """A command failed.

    Attributes:
        advice: what to do about it.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    returncode: int
    output: str
    errors: str

    @property
    def last_words(self) -> str:
        """The end of what it said, errors first and foremost."""
        return "\n".join((self.errors.strip() or self.output.strip()).splitlines()[-_LAST_WORDS:])


Execute = Callable[[Words, str | None, bool], Ran]


def execute(command: Words, stdin: str | None = None, is_long: bool = False) -> Ran:
    """Run a command; a long one says what it says on the terminal too.

    Raises:
        CommandFailed: there is no such command, or it does not end.
    """
    path = shutil.which(command[0])
    if path is None:
        advice = "https://cloud.google.com/sdk/docs/install says how to install it." if command[0] == "gcloud" else ""
        raise CommandFailed(f"{command[0]} is not installed here, or is not on the PATH.", advice)
    # gcloud asks questions on a terminal; a step that waits for an answer would wait for ever
    environment = {**os.environ, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and every word was checked (options.py)
                [path, *command[1:]],
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=None if is_long else output,
                stderr=None if is_long else errors,
                env=environment,
                check=False,
                text=True,
                timeout=_LONG_SECONDS if is_long else _QUICK_SECONDS,
            )
        except subprocess.TimeoutExpired as exc:
            raise CommandFailed(f"{command[0]} did not end within {exc.timeout / 60:.0f} minutes.") from exc
        return Ran(done.returncode, _all(output), _all(errors))


def carry_out(
    steps: Sequence[Step],
    run: Execute = execute,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[Step, Outcome | None]]:
    """Carry out the steps; yields each twice, with None when it begins and with its outcome when it is over.

    Raises:
        CommandFailed: one of them failed; nothing after it was begun.
    """
    for step in steps:
        yield step, None
        yield step, _carry_out(step, run, sleep, clock)


def _carry_out(step: Step, run: Execute, sleep: Callable[[float], None], clock: Callable[[], float]) -> Outcome:
    if step.when is not When.ALWAYS and _is_there(step, run) != (step.when is When.PRESENT):
        return Outcome.NOTHING_TO_DO
    for attempt in range(1, step.tries + 1):
        secret = value_of(step.fed_by, run) if step.fed_by else None
        began = clock()
        ran = run(step.command, secret, step.is_long)
        if ran.returncode == 0:
            return Outcome.DONE
        if attempt == step.tries or clock() - began > _REFUSED_SECONDS:
            break
        sleep(_PAUSE)
    raise CommandFailed(ran.last_words or f"{step.command[0]} ended with {ran.returncode}.", step.advice)


def _is_there(step: Step, run: Execute) -> bool:
    looked = run(step.looks, None, False)
    if looked.returncode == 0:
        return True
    said = looked.errors + looked.output
    # "you may not look" must never pass for "it is not there": --delete would leave things and say that all is gone
    if any(words in said for words in _ABSENT) and not any(words in said for words in _OTHERWISE):
        return False
    raise CommandFailed(
        looked.last_words or f"{step.looks[0]} ended with {looked.returncode}.",
        "Log in with: gcloud auth login. See that the project's id is right and that your account may use it.",
    )


def value_of(command: Words, run: Execute = execute) -> str:
    """Return what a command prints.

    Raises:
        CommandFailed: it failed, or printed nothing.
    """
    ran = run(command, None, False)
    if ran.returncode != 0 or not ran.output.strip():
        raise CommandFailed(
            ran.last_words or f"{' '.join(command[:3])} printed nothing.", "Log in with: gcloud auth login."
        )
    return ran.output.strip()


def _all(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
