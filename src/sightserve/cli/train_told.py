"""Who hears how a training goes: a person at a terminal, a file, or a program that reads a JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

import typer

from sightserve.cli.extras import fail
from sightserve.cli.terminal import console, escaped_json, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.status import Status

    from sightserve.training.listener import Listener
    from sightserve.training.train import Trained

_LINES: Final = 10.0  # seconds between two lines of one step, where nobody watches
_EVENTS: Final = 0.2  # seconds between two of one step, for a program


class Telling(Protocol):
    """How it is told."""

    def listening(self) -> AbstractContextManager[Listener]:
        """Yield who is told within the block."""

    def trained(self, trained: Trained) -> None:
        """Tell what became of it."""

    def refuse(self, message: str, code: int = 2) -> NoReturn:
        """Say why nothing became of it, and end the command."""


class ForPeople:
    """Progress on stderr, in place where that is a terminal; at the end what was measured, on stdout."""

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yield who is told within the block."""
        out = console(stderr=True)
        if not out.is_terminal:
            yield _Lines(out)
            return
        with out.status("Starting") as status:
            yield _InPlace(out, status)

    def trained(self, trained: Trained) -> None:
        """Print the report."""
        from sightserve.cli.train_report import print_report

        print_report(trained.report, trained.page)

    def refuse(self, message: str, code: int = 2) -> NoReturn:
        """Say it on stderr."""
        fail(message, code)


class ForPrograms:
    """All on stdout; the last line has `trained` or `error`."""

    def __init__(self) -> None:
        self._last = ""
        self._due = 0.0

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Yield who is told within the block."""
        yield self

    def step(self, words: str, done: int = 0, of: int = 0) -> None:
        """Tell a step, not more often than somebody can look."""
        now = time.monotonic()
        if words != self._last or now >= self._due or done == of:
            self._last, self._due = words, now + _EVENTS
            _print({"step": words, "done": done, "of": of})

    def note(self, words: str) -> None:
        """Tell what a person should know."""
        _print({"note": words})

    def trained(self, trained: Trained) -> None:
        """Tell what became of it."""
        report = trained.report.model_dump(mode="json")
        _print({"trained": {"name": trained.name, "directory": str(trained.directory), "report": report}})

    def refuse(self, message: str, code: int = 1) -> NoReturn:
        """Tell why nothing became of it."""
        _print({"error": message})
        raise typer.Exit(1)


def _print(told: dict[str, object]) -> None:
    # surrogates, of names that are no UTF-8, are escapes in JSON
    typer.echo(escaped_json(json.dumps(told)))
    sys.stdout.flush()


def in_words(words: str, done: int, of: int) -> str:
    """Return how far a step is: `Looking at photos: 1,200 of 2,000`."""
    return printable(f"{words}: {done:,} of {of:,}" if of else words)


class _InPlace:
    """One line, again and again; notes stay above it."""

    def __init__(self, out: Console, status: Status) -> None:
        self._out, self._status = out, status

    def step(self, words: str, done: int = 0, of: int = 0) -> None:
        from rich.text import Text

        self._status.update(Text(in_words(words, done, of)))

    def note(self, words: str) -> None:
        _note(self._out, words)


class _Lines:
    """A line when a step begins, and now and then while it goes on."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._last = ""
        self._due = 0.0

    def step(self, words: str, done: int = 0, of: int = 0) -> None:
        now = time.monotonic()
        if words != self._last or now >= self._due:
            self._last, self._due = words, now + _LINES
            self._out.print(in_words(words, done, of), markup=False, soft_wrap=True)

    def note(self, words: str) -> None:
        _note(self._out, words)


def _note(out: Console, words: str) -> None:
    out.print(f"note: {printable(words)}", style="yellow", markup=False, soft_wrap=not out.is_terminal)
