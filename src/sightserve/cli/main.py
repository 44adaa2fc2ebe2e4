"""`sightserve`: the commands and what they share."""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Final

import typer

import sightserve
from sightserve.cli.terminal import no_color

# In the order of the help. Each is a function, or a group called `app`, of the module of its name.
_COMMANDS: Final = (
    *(
        "up",
        "serve",
        "ui",
        "classify",
        "batch",
        "video",
        "train",
        "model",
        "feedback",
        "deploy",
        "loadtest",
        "capacity",
    ),
)


def main() -> None:
    """Run the command line."""
    words = sys.argv[1:2]
    try:
        # A command that is named needs no other: importing them all is a tenth of a cold start.
        application(words if words and words[0] in _COMMANDS else _COMMANDS)()
    except KeyboardInterrupt:  # before a command has begun, or while it ends
        sys.exit(130)


def application(names: Iterable[str] = _COMMANDS) -> typer.Typer:
    """Return the command line with these commands."""
    app = typer.Typer(
        name="sightserve",
        help="Put an image classifier in front of people: an API, a web app, and a command line.",
        no_args_is_help=True,
        rich_markup_mode=None if no_color() else "rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]} | ({"color": False} if no_color() else {}),
    )
    app.callback()(_root)
    for name in names:
        module = import_module(f"sightserve.cli.{name}")
        if group := getattr(module, "app", None):
            app.add_typer(group, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sightserve {sightserve.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Put an image classifier in front of people."""
