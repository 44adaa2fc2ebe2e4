"""`sightserve feedback`: what people said of answers: how right a model is, and their corrections to take along or delete."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sightserve.cli.extras import fail, needs
from sightserve.cli.tables import print_json, print_line, print_table
from sightserve.cli.terminal import printable

if TYPE_CHECKING:
    from sightserve.feedback.database import Database
    from sightserve.feedback.drift import Week
    from sightserve.feedback.stats import Share, Stats

_VARIABLE: Final = "SIGHTSERVE_FEEDBACK_DATABASE"
_CLASSES: Final = 20  # that are shown; --json has them all

app = typer.Typer(help="Measure, take along or delete what people said of answers.", no_args_is_help=True)

_Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help=f"sqlite:///feedback.db or postgresql://user:password@host/name; else {_VARIABLE}, where no other user sees it.",
    ),
]


class Form(StrEnum):
    """What corrections are exported as."""

    folder = "folder"
    csv = "csv"
    label_studio = "label-studio"


@app.callback()
def root() -> None:
    """Measure, take along or delete what people said of answers."""


@app.command()
def stats(
    url: _Database = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Of this model's answers alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how right answers were, by what people said of them, and how what they send changes."""
    with _opened(url) as database:
        from sightserve.feedback.drift import by_week
        from sightserve.feedback.stats import measure

        with database.reading() as connection:
            measured, weeks = measure(connection, model), by_week(connection, model)
    if as_json:
        facts = {**dataclasses.asdict(measured), "weeks": [dataclasses.asdict(week) for week in weeks]}
        print_json(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    _show(measured)
    _show_weeks(weeks)


@app.command()
def export(
    to: Annotated[Form, typer.Option("--to", help="folder: OUT/LABEL/ID.jpg, for sightserve train.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder; with csv a file.")],
    url: _Database = None,
) -> None:
    """Write what people said: their photos by label, a table of all of it, or tasks for Label Studio."""
    with _opened(url) as database:
        from sightserve.cli import feedback_export as forms

        write = {Form.folder: forms.folder, Form.csv: forms.table, Form.label_studio: forms.label_studio}[to]
        try:
            written = write(database, out)
        except forms.OutError as exc:
            fail(str(exc))
        except OSError as exc:
            fail(f"{exc.filename or out} cannot be written: {exc.strerror or exc}", code=1)
    what = "answers that were judged" if to is Form.csv else "photos"
    typer.echo(printable(f"{written:,} {what}: {out}"))


@app.command()
def purge(
    before: Annotated[
        datetime, typer.Option("--before", metavar="DATE", formats=["%Y-%m-%d"], help="UTC, 2026-01-31.")
    ],
    url: _Database = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Without asking.")] = False,
) -> None:
    """Delete the answers from before a day, with all that was said of them and their photos."""
    with _opened(url) as database:
        from sightserve.feedback import retention

        at, now = before.replace(tzinfo=UTC), datetime.now(UTC)
        count = retention.older(database, at)
        if count and not yes and not typer.confirm(f"Delete {count:,} answers from before {at:%Y-%m-%d}?"):
            raise typer.Exit(1)
        deleted = 0
        with database.told():
            while some := retention.expire(database, at, now):
                deleted += some
            left = retention.remove_photos(database, now)
    typer.echo(f"deleted {deleted:,} answers")
    _say_left(left)


@app.command()
def forget(
    prediction: Annotated[str, typer.Argument(metavar="ID", help="Of the answer.")],
    url: _Database = None,
) -> None:
    """Delete one answer, with all that was said of it and its photo."""
    with _opened(url) as database:
        from sightserve.feedback import retention, transactions

        now = datetime.now(UTC)
        with database.told():
            with database.engine.begin() as connection:
                found = transactions.forget(connection, [prediction], now)
            left = retention.remove_photos(database, now)
    if not found:
        fail(f"there is no answer {prediction}: {transactions.UNKNOWN}", code=1)
    typer.echo(printable(f"deleted {prediction}"))
    _say_left(left)


def _say_left(left: int) -> None:
    if left:
        fail(
            f"{left:,} photos outside the database cannot be deleted now; run it again, or leave it to the server",
            code=1,
        )


@contextmanager
def _opened(url: str | None) -> Iterator[Database]:
    """Open the database that is named; ends the command where there is none, or where it goes away."""
    url = url or os.environ.get(_VARIABLE)
    if not url:
        fail(f"which database? Name it with --database, or in {_VARIABLE}: sqlite:///feedback.db")
    with needs("feedback"):
        from sightserve.feedback.database import open_database
        from sightserve.feedback.errors import FeedbackError, NoDatabase
        from sightserve.feedback.schema import migrate
    try:
        database = open_database(url, existing=True)
        try:
            migrate(database)
            yield database
        finally:
            database.engine.dispose()
    except FeedbackError as exc:
        fail(str(exc), code=2 if isinstance(exc, NoDatabase) else 1)


def _show(stats: Stats) -> None:
    print_line(f"{stats.predictions:,} answers, of which {stats.judged.of:,} were judged", style="bold")
    if not stats.judged.of:
        return
    print_line(
        f"right: {_percent(stats.judged)} of these, which are not drawn at random: people judge what strikes them"
    )
    if len(stats.versions) > 1:
        print_line("")
        print_table(
            ("model", "judged", "right"), [(name, f"{s.of:,}", _percent(s)) for name, s in stats.versions.items()]
        )
    print_line("")
    rows = [(each.label, _of(each.answers), _of(each.found)) for each in stats.classes[:_CLASSES]]
    print_table(("class", "right when it was the answer", "found when it was there"), rows)
    if len(stats.classes) > _CLASSES:
        print_line(f"... and {len(stats.classes) - _CLASSES:,} classes more: --json has them")
    if stats.confused:
        print_line("")
        confused = [(each.predicted, each.label, f"{each.times:,}") for each in stats.confused[:10]]
        print_table(("the answer", "what it was", "times"), confused)
    print_line("")
    bins = [
        (f"{each.low:.0%} to {each.high:.0%}", f"{each.judged:,}", f"{each.said:.0%}", f"{each.right:.0%}")
        for each in stats.calibration
        if each.judged
    ]
    print_table(("probability", "judged", "said", "right"), bins)
    print_line(f"expected calibration error: {stats.ece:.1%}")


def _show_weeks(weeks: list[Week]) -> None:
    if not weeks:
        return
    print_line("")
    rows = []
    for week in weeks:
        change = "-"
        if week.divergence is not None and week.chance is not None:
            more = ", more than chance" if week.divergence > week.chance else ""
            change = f"{week.divergence:.3f} (chance: up to {week.chance:.3f}){more}"
        formats = ", ".join(f"{name} {share:.0%}" for name, share in week.formats.items())
        size = f"{week.megapixels:.1f} MP, {week.mebibytes:.1f} MiB"
        cells = (
            week.week,
            f"{week.predictions:,}",
            f"{week.mean_probability:.0%}",
            f"{week.unsure:.0%}",
            size,
            formats,
        )
        rows.append((*cells, change))
    print_table(("week", "answers", "mean probability", "not sure", "mean size", "formats", "labels' change"), rows)
    print_line("labels' change: Jensen-Shannon divergence from the first weeks, 0 the same to 1 none in common")


def _percent(share: Share) -> str:
    if share.share is None or share.low is None or share.high is None:
        return "-"
    return f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%})"


def _of(share: Share) -> str:
    return f"{share.right:,} of {share.of:,}: {_percent(share)}" if share.of else "-"
