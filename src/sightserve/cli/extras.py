"""Commands that need an optional part of the installation say which, and how to get it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from sightserve.cli.terminal import printable
from sightserve.installing import more


def fail(message: str, code: int = 2) -> NoReturn:
    """Say what is wrong on stderr and end with this exit code."""
    typer.secho(f"sightserve: {printable(message, keep=chr(10))}", err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


@contextmanager
def needs(extra: str, say: Callable[[str], NoReturn] = fail) -> Iterator[None]:
    """Turn the ImportError of a missing extra into the line that installs it; a bug of ours stays what it is.

    Args:
        extra: one, or several with commas.
        say: ends the command with a message.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        if (exc.name or "").startswith("sightserve"):
            raise
        say(f"{exc.name} is missing, a part of the extra '{extra}'; {more(extra)}")
