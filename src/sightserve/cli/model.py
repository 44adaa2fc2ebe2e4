"""`sightserve model`: what models there are, what is known of each, and whether they do what they should.

Listing, showing and removing read manifests alone: they need neither ONNX nor ONNX Runtime.
"""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sightserve.cli.extras import fail
from sightserve.cli.model_add import add
from sightserve.cli.model_check import check
from sightserve.cli.model_option import find_model
from sightserve.cli.tables import print_json, print_line, print_table
from sightserve.cli.terminal import printable

if TYPE_CHECKING:
    from sightserve.bundle.manifest import Manifest
    from sightserve.bundle.provenance import Candidate

_NUMBERS: Final = frozenset(("classes", "MB", "agrees", "speed"))

app = typer.Typer(help="Your own classifiers: add, look at, check and remove them.", no_args_is_help=True)
app.command("add")(add)
app.command("check")(check)

_Name = Annotated[str, typer.Argument(metavar="NAME|DIR", help="A model's name, or a bundle's directory.")]


@app.callback()
def root() -> None:
    """Your own classifiers: add, look at, check and remove them."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A model in the list: what its manifest says, or why it cannot be read."""

    name: str
    directory: Path
    embedded: bool
    manifest: Manifest | None = None
    problem: str = ""


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models: those that are embedded, and those that were added."""
    rows = list(_rows())
    if as_json:
        print_json(json.dumps([_facts(row) for row in rows], indent=2, ensure_ascii=False))
        return
    columns = ("name", "classes", "MB", "photo", "form", "where")
    print_table(columns, map(_cells, rows), right=_NUMBERS)


@app.command()
def show(name: _Name, as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False) -> None:
    """Show what is known of a model, and from where."""
    from sightserve.bundle.errors import BundleError
    from sightserve.bundle.manifest import load_manifest

    directory = find_model(name)
    try:
        manifest = load_manifest(directory)
    except BundleError as exc:
        fail(str(exc), code=1)
    if as_json:
        print_json(manifest.model_dump_json(indent=2, exclude_none=True))
        return
    _show(directory, manifest)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a model that was added.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Without asking.")] = False,
) -> None:
    """Remove a model that was added, and its files."""
    from sightserve.bundle.manifest import EMBEDDED
    from sightserve.bundle.store import NAME, added, models_directory

    models = models_directory()
    if name in EMBEDDED:
        fail(f"{name} is embedded in Sightserve: it stays")
    if not NAME.fullmatch(name):  # so that it is one folder, and none above
        fail(f"{name} is no name of a model that was added: delete a directory of your own yourself")
    directory = models / name
    try:
        kind = directory.lstat().st_mode
    except OSError:
        names = ", ".join(path.name for path in added(models)) or "there are none"
        fail(f"no model {name} was added ({names})")
    link = stat.S_ISLNK(kind)
    if not link and not stat.S_ISDIR(kind):
        fail(f"{directory} is no directory: nobody added it")
    what = f"the link {directory}, and leave what it leads to" if link else str(directory)
    if not yes and not typer.confirm(printable(f"Remove {what}?")):
        raise typer.Exit(1)
    try:
        if link:
            directory.unlink()
        else:
            shutil.rmtree(directory)
    except OSError as exc:
        fail(f"{directory} cannot be removed: {exc.strerror or exc}", code=1)
    typer.echo(printable(f"removed {name}"))


def _cells(row: _Row) -> tuple[str, ...]:
    if row.manifest is None:
        return row.name, "", "", "", "", f"broken: {row.problem}"
    where = "embedded" if row.embedded else str(row.directory)
    size = f"{_bytes(row.directory, row.manifest) / 1e6:.1f}"
    return row.name, f"{row.manifest.classes:,}", size, _looks(row.manifest), _form(row.manifest), where


def _rows() -> Iterator[_Row]:
    from sightserve.bundle.errors import BundleError
    from sightserve.bundle.manifest import EMBEDDED, embedded_bundle_path, load_manifest
    from sightserve.bundle.store import added, models_directory

    places = [(name, embedded_bundle_path(name), True) for name in EMBEDDED]
    places += [(path.name, path, False) for path in added(models_directory())]
    for name, directory, embedded in places:
        try:
            yield _Row(name, directory, embedded, load_manifest(directory))
        except BundleError as exc:
            yield _Row(name, directory, embedded, problem=str(exc))


def _facts(row: _Row) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": row.name, "directory": str(row.directory), "embedded": row.embedded}
    if row.manifest is None:
        return facts | {"problem": row.problem}
    return facts | {
        "model": row.manifest.name,
        "version": row.manifest.version,
        "classes": row.manifest.classes,
        "size_bytes": _bytes(row.directory, row.manifest),
        "input": row.manifest.input.model_dump(mode="json", exclude_none=True),
        "form": _form(row.manifest),
    }


def _bytes(directory: Path, manifest: Manifest) -> int:
    total = 0
    for ref in (manifest.model, *manifest.external_data):
        path = directory / ref.file
        total += path.stat().st_size if path.is_file() else 0
    return total


def _looks(manifest: Manifest) -> str:
    """Return in a few words what becomes of a photo."""
    facts = manifest.input.model_dump()
    sides = f"{facts['height']} x {facts['width']}" if "height" in facts else f"shorter side {facts['shorter_side']}"
    return f"{facts['fit']}, {sides}, {facts['interpolation']}"


def _form(manifest: Manifest) -> str:
    from sightserve.bundle.provenance import form_of

    return form_of(manifest.accuracy, manifest.provenance) or "-"


def _show(directory: Path, manifest: Manifest) -> None:
    print_line(f"{manifest.name} {manifest.version}", style="bold")
    if manifest.description:
        print_line(manifest.description)
    print_line("")
    meaning = "one is right (softmax)" if manifest.output.meaning == "exclusive" else "each by itself (sigmoid)"
    facts = [
        ("where", str(directory)),
        ("classes", f"{manifest.classes:,}, {meaning}; {manifest.labels.file}"),
        ("photo", _looks(manifest)),
        ("form", f"{_form(manifest)}, {_bytes(directory, manifest) / 1e6:.1f} MB"),
        ("at once", "any number of photos" if manifest.max_batch is None else f"{manifest.max_batch} photos"),
        ("licence", manifest.license),
        ("source", manifest.source),
        *_accuracy(manifest),
    ]
    if manifest.calibration:
        facts.append(("temperature", f"{manifest.calibration.temperature:g} {manifest.calibration.data}".strip()))
    print_table(("", ""), facts)
    if manifest.provenance is None:
        return
    provenance = manifest.provenance
    if provenance.facts:
        print_line("")
        print_table(("", "read", "from"), [(fact.what, fact.value, fact.source) for fact in provenance.facts])
    if provenance.same_first is not None:
        words = f"The same first class as its source's own pipeline: {provenance.same_first:.1%} of {provenance.photos} photos"
        if provenance.largest_difference is not None:
            words += f"; probabilities differ by {provenance.largest_difference:.2g} at most"
        print_line("")
        print_line(words)
    if provenance.candidates:
        print_line("")
        print_table(("", "agrees", "speed", "MB", "why"), map(_tried, provenance.candidates), right=_NUMBERS)
    for note in provenance.notes:
        print_line(f"note: {note}", style="yellow")


def _tried(each: Candidate) -> tuple[str, ...]:
    why = f"kept: {each.why}" if each.kept else each.why
    return each.variant, f"{each.agreement:.1%}", f"{each.speed:.2f} x", f"{each.size_bytes / 1e6:.1f}", why


def _accuracy(manifest: Manifest) -> Iterator[tuple[str, str]]:
    found = manifest.accuracy
    if found is None:
        return
    shares = [
        f"{share:.1%} {what}"
        for what, share in (
            ("right", found.top1),
            ("among five", found.top5),
            ("as float32", found.agreement_with_float32),
        )
        if share is not None
    ]
    yield "accuracy", f"{', '.join(shares) or 'not said'}; {found.photos:,} photos: {found.data}"
    if found.published_top1 is not None:
        yield "published", f"{found.published_top1:.1%}; {found.published_by or 'nobody says by whom'}"
