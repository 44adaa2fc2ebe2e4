"""`sightserve`: the commands and what they share."""

from typing import Annotated

import typer

import sightserve
from sightserve.cli import capacity, classify, deploy, loadtest, serve, ui, up, video

app = typer.Typer(
    name="sightserve",
    help="Put an image classifier in front of people: an API, a web app, and a command line.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sightserve {sightserve.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Put an image classifier in front of people."""


app.command("up")(up.up)
app.command("serve")(serve.serve)
app.command("ui")(ui.ui)
app.command("classify")(classify.classify)
app.command("video")(video.video)
app.add_typer(deploy.app, name="deploy")
app.command("loadtest")(loadtest.loadtest)
app.command("capacity")(capacity.capacity)


def main() -> None:
    """Run the command line."""
    app()
