"""`sightserve model check`: a bundle in real slots, on photos; what it does on this machine, and what a million photos cost."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sightserve.cli.extras import fail, needs
from sightserve.cli.model_option import find_model
from sightserve.cli.tables import print_json, print_line, print_table

if TYPE_CHECKING:
    from sightserve.loadtest.analysis.capacity.million import Million
    from sightserve.models.check import CheckReport

_MOST_PHOTOS: Final = 100
_MIB: Final = 2**20


def check(
    name: Annotated[str, typer.Argument(metavar="NAME|DIR", help="A model's name, or a bundle's directory.")],
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photos to check it on (default: Sightserve's samples).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a model: run photos through it as the server does, and measure what it takes.

    The exit code is 1 when it gives no probabilities of its classes.
    """
    with needs("backend"):
        from sightserve.models.check import check as run
    from sightserve.bundle.errors import BundleError
    from sightserve.loadtest.analysis.capacity.million import million
    from sightserve.models.errors import AddError

    directory = find_model(name)
    try:
        report = run(directory, None if photos is None else _read(photos))
    except (AddError, BundleError) as exc:
        fail(str(exc), code=1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    cost = million(report.photos_per_second, report.slots, report.size_bytes)
    if as_json:
        body = asdict(report) | {"memory": report.memory and report.memory._asdict(), "million": cost._asdict()}
        print_json(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        _show(report, cost)


def _read(folder: Path) -> list[bytes]:
    from sightserve.models.errors import SourceError
    from sightserve.models.photos import find, some

    try:
        return [photo.path.read_bytes() for photo in some(find(folder), _MOST_PHOTOS)]
    except SourceError as exc:
        fail(str(exc))
    except OSError as exc:
        fail(f"{exc.filename} cannot be read: {exc.strerror}")


def _show(report: CheckReport, cost: Million) -> None:
    whose = "your photos" if report.own else "photos that ship with Sightserve, or are drawn"
    print_line(
        f"{report.name} {report.version}: probabilities of {report.classes:,} classes on {report.photos} of {whose}"
    )
    for warning in report.warnings:
        print_line(f"warning: {warning}", style="yellow")
    rows: list[tuple[str, str]] = [
        ("photos a second", f"{report.photos_per_second:,.1f} on {report.slots} slots, all busy"),
        ("a photo", f"{report.median_seconds * 1000:,.1f} ms on one thread, decoding included (median)"),
        ("cold start", f"{report.start_seconds:.1f} s until a slot is ready"),
        ("on disk", f"{report.size_bytes / _MIB:,.1f} MiB"),
    ]
    if report.memory is not None:
        private, shared = (amount / _MIB for amount in report.memory)
        rows.append(("memory of a slot", f"{private:,.0f} MiB, and {shared:,.0f} MiB that all slots share"))
    rows.append(("a million photos", f"$ {cost.dollars:,.2f} on Cloud Run, where a vCPU does what a slot does here"))
    print_table(("", ""), rows)
    print_line(f"= {cost.formula}; list prices of {cost.as_of}", style="dim")
