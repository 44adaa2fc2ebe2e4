"""`sightserve train`: a folder of photos to a classifier of one's own, and the truth about it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from sightserve import lifeline
from sightserve.cli.extras import fail, needs
from sightserve.cli.signals import sigterm_as_ctrl_c
from sightserve.cli.train_told import ForPeople, ForPrograms, Telling

_PAGE: Final = "What people are told"


def train(
    photos: Annotated[
        Path,
        typer.Argument(help="A folder with a folder of photos for each label, or a CSV with the columns path,label."),
    ],
    name: Annotated[str, typer.Option(help="What to call the classifier: lower-case letters, digits, - . _")],
    base: Annotated[
        str, typer.Option(help="Whose features it learns from: accurate, fast, or a model that was added.")
    ] = "accurate",
    none_of_these: Annotated[
        bool, typer.Option("--none-of-these", help="Let it say that a photo shows none of the labels.")
    ] = False,
    feedback: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Learn from people's corrections too: sqlite:///feedback.db, postgresql://..."
        ),
    ] = None,
    views: Annotated[
        bool, typer.Option(help="Look at photos mirrored, cropped and in other light too, where it helps.")
    ] = True,
    cache: Annotated[bool, typer.Option(help="Keep features, so that the next training takes seconds.")] = True,
    title: Annotated[str | None, typer.Option(help="Of the web app.", rich_help_panel=_PAGE)] = None,
    question: Annotated[
        str | None, typer.Option(help="That a photo answers: Which apple is it?", rich_help_panel=_PAGE)
    ] = None,
    about: Annotated[str, typer.Option(help="What it can tell, in a sentence.", rich_help_panel=_PAGE)] = "",
    version: Annotated[str, typer.Option(help="Of the model.", rich_help_panel=_PAGE)] = "1",
    replace: Annotated[bool, typer.Option("--replace", help="A model of the same name.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the report's page goes as well; it shows photos.")
    ] = None,
    progress: Annotated[
        Literal["auto", "json"], typer.Option(help="How it is told; json: one object a line, for programs.")
    ] = "auto",
) -> None:
    """Make a classifier of your own from photos, and learn how right it is on photos that it has not seen.

    Nothing leaves this machine. Afterwards: sightserve up --model NAME. The exit code is 0 when it is made, 1 when it cannot
    be, and 130 when it was stopped; then nothing is left behind.
    """
    lifeline.hold()
    told: Telling = ForPrograms() if progress == "json" else ForPeople()
    with needs("backend,train", told.refuse):
        import onnx as _onnx  # noqa: F401 - missing where the extra is
        import sklearn as _sklearn  # noqa: F401 - likewise

        from sightserve.bundle.store import models_directory
        from sightserve.training.errors import TrainError
        from sightserve.training.train import Request
        from sightserve.training.train import train as make
    if feedback is not None:
        with needs("feedback", told.refuse):
            import sqlalchemy as _sqlalchemy  # noqa: F401 - likewise
    if report is not None and (why := _unwritable(report)):
        told.refuse(f"--report {report}: {why}")
    request = Request(
        source=photos,
        name=name,
        base=base,
        none_of_these=none_of_these,
        feedback=feedback,
        views=views,
        cache=cache,
        title=title,
        question=question,
        about=about,
        version=version,
        replace=replace,
    )
    try:
        with sigterm_as_ctrl_c(), told.listening() as listener:
            trained = make(request, models_directory(), listener)
    except TrainError as exc:
        told.refuse(str(exc), code=1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    told.trained(trained)
    if report is not None:
        try:
            shutil.copyfile(trained.page, report)
        except OSError as exc:
            fail(f"{report} cannot be written: {exc.strerror or exc}; the page is at {trained.page}", code=1)


def _unwritable(file: Path) -> str:
    """Return why nothing can be written there, which is said before minutes of work; empty where nothing stands against it."""
    if file.is_dir():
        return "that is a folder: name a file"
    if not file.parent.is_dir():
        return "its folder is not there"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return "it may not be written"
    return ""
