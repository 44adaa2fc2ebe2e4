"""`sightserve classify`: photos to labels on the command line, in this process or through a backend."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightserve.api.rows import APPLIES
from sightserve.cli.backend import ApiKey
from sightserve.cli.classifier import Classifier, NotClassified, Stopped, open_classifier
from sightserve.cli.extras import fail, needs
from sightserve.cli.model_option import MODEL_HELP
from sightserve.cli.signals import stopping_on_ctrl_c
from sightserve.cli.terminal import escaped_json, printable
from sightserve.imaging.formats import is_photo_name

if TYPE_CHECKING:  # every command passes here, and building the schema takes a tenth of a cold start
    from sightserve.api.schema import HeatMap, Prediction, RankedLabel

    Draw = Callable[[str, bytes, HeatMap], None]

_LONGEST_NAME = 60
_MANY = 300  # photos of a folder
_MAX_PIXELS = 50_000_000  # as the settings have it


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One photo's prediction, or why it has none."""

    source: str
    prediction: Prediction | None = None
    failure: NotClassified | None = None


def classify(
    paths: Annotated[list[str], typer.Argument(help="Photos, folders of photos, or - for one photo on stdin.")],
    backend: Annotated[
        str | None, typer.Option(help="Address of a backend; without it the model runs in this process.")
    ] = None,
    model: Annotated[str | None, typer.Option(help=f"{MODEL_HELP} When running in this process.")] = None,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", "-k", min=1, help="How many labels to give for each photo (default: 5, or all)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line and photo.")] = False,
    heat_map: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a picture of where the model looked in each photo here.")
    ] = None,
    api_key: ApiKey = "",
) -> None:
    """Classify photos. The exit code is 1 when any of them failed; each that did is named."""
    sources = list(_sources(paths, batch=not backend and heat_map is None))
    draw = None if heat_map is None else _heat_maps(heat_map)
    show = _print_json if as_json else _table(sources)
    failed = 0
    with (
        stopping_on_ctrl_c() as stop,
        open_classifier(backend or None, model, api_key=api_key, stop=stop, tell=_tell) as classifier,
    ):
        # a backend says so itself, to each photo
        if not backend and top_k is not None and top_k > (classes := classifier.model().classes):
            fail(f"--top-k must be between 1 and {classes}, the number of classes")
        for outcome in _classify_all(classifier, sources, top_k, draw, stop):
            failed += outcome.prediction is None
            show(outcome)
    if stop.is_set():
        fail("stopped", code=130)
    if failed:
        typer.secho(f"{failed} of {len(sources)} failed", err=True, fg=typer.colors.RED)
    if failed or not sources:
        raise typer.Exit(1)


def _sources(paths: list[str], *, batch: bool) -> Iterator[str]:
    """Yield each file to classify: what is named, whatever it is called, and a folder's photos, in order of name.

    Args:
        paths: of files and folders.
        batch: whether `sightserve batch` does the same, and is to be pointed to where there are many.
    """
    for path in paths:
        folder = Path(path)
        if path == "-" or not folder.is_dir():
            yield path
            continue
        found = sorted(str(p) for p in folder.rglob("*") if is_photo_name(str(p.relative_to(folder))) and p.is_file())
        if not found:
            typer.secho(f"{printable(path)}: no photos in this folder", err=True, fg=typer.colors.YELLOW)
        if batch and len(found) > _MANY:
            batch = False  # once is enough
            command = f"sightserve batch {shlex.quote(path)} OUT"
            _tell(f"{len(found):,} photos: `{command}` does this many in a job that can be stopped and goes on")
        yield from found


def _heat_maps(directory: Path) -> Draw:
    """Return what writes a photo's heat map into a directory, each under a name of its own."""
    with needs("backend"):
        from sightserve.imaging.errors import ImageError
        from sightserve.imaging.overlay import overlaid
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        fail(f"{directory}: {exc.strerror}")
    taken: set[str] = set()
    taking = threading.Lock()

    def draw(name: str, photo: bytes, heat_map: HeatMap) -> None:
        box = heat_map.box
        try:
            picture = overlaid(photo, heat_map.values, (box.left, box.top, box.width, box.height), _MAX_PIXELS)
        except ImageError as exc:  # a backend elsewhere may read what this machine's libraries do not
            raise NotClassified("unreadable_image", f"classified, but here it cannot be drawn: {exc}") from exc
        with taking:
            stem, number = Path(name).name, 1
            while (target := f"{stem}{f'-{number}' if number > 1 else ''}.png").casefold() in taken:
                number += 1
            taken.add(target.casefold())
        (directory / target).write_bytes(picture)

    return draw


def _tell(what: str) -> None:
    typer.secho(printable(what), err=True, fg=typer.colors.YELLOW)


def _classify_all(
    classifier: Classifier, sources: list[str], top_k: int | None, draw: Draw | None, stop: threading.Event
) -> Iterator[_Outcome]:
    """Yield outcomes in the order of the sources; photos in memory are bounded by twice as many as run at once."""
    with ThreadPoolExecutor(classifier.parallel) as pool:
        pending: deque[Future[_Outcome]] = deque()
        try:
            for source in sources:
                if stop.is_set():
                    return
                pending.append(pool.submit(_classify_one, classifier, source, top_k, draw))
                if len(pending) >= 2 * classifier.parallel:
                    yield pending.popleft().result()
            while pending and not stop.is_set():
                yield pending.popleft().result()
        except Stopped:
            return
        except BaseException:  # nobody reads on
            stop.set()  # who waits for a backend in our threads gives up too
            raise
        finally:
            for future in pending:
                future.cancel()


def _classify_one(classifier: Classifier, source: str, top_k: int | None, draw: Draw | None) -> _Outcome:
    shown = _shown(source)
    try:
        if source == "-":
            image, name = sys.stdin.buffer.read(), "stdin"
        else:
            image, name = Path(source).read_bytes(), Path(shown).name
        prediction = classifier.classify(image, name, top_k, heat_map=draw is not None)
        if draw is not None and prediction.heat_map is not None:
            draw(name, image, prediction.heat_map)
        return _Outcome(shown, prediction=prediction)
    except OSError as exc:
        return _Outcome(shown, failure=NotClassified("unreadable_file", exc.strerror or str(exc)))
    except Stopped:
        raise
    except NotClassified as failure:
        return _Outcome(shown, failure=failure)


def _shown(source: str) -> str:
    return os.fsencode(source).decode(errors="replace")  # a file's name is bytes, and not all of them are text


def _print_json(outcome: _Outcome) -> None:
    body: dict[str, object] = {"source": outcome.source}
    if outcome.prediction is not None:
        body |= outcome.prediction.model_dump(mode="json", exclude={"probabilities"})
    if outcome.failure is not None:
        body["error"] = {"code": outcome.failure.code, "detail": str(outcome.failure)}
    typer.echo(escaped_json(json.dumps(body, ensure_ascii=False)))


def _table(sources: list[str]) -> Callable[[_Outcome], None]:
    """Return what prints one row: as each photo is done, so that a long folder shows its progress."""
    width = min(max((len(printable(_shown(source))) for source in sources), default=0), _LONGEST_NAME)
    headed = len(sources) <= 1

    def head(*, exclusive: bool) -> None:
        what = f"{'sure':>5}  label (then)" if exclusive else f"labels that apply, from {APPLIES:.0%} (then)"
        typer.secho(f"{'photo':<{width}}  {what}", bold=True)

    def show(outcome: _Outcome) -> None:
        nonlocal headed
        name = printable(outcome.source)
        name = name if len(name) <= width else "…" + name[1 - width :]
        if outcome.prediction is None:
            why = printable(str(outcome.failure))
            typer.secho(f"{name:<{width}}  {'error':>5}  {why}", err=True, fg=typer.colors.RED)
            return
        ranked, exclusive = outcome.prediction.top_k, outcome.prediction.model.outputs == "exclusive"
        if not headed:  # by the first answer: a backend is not asked beforehand what its model is
            head(exclusive=exclusive)
            headed = True
        answer = ranked[:1] if exclusive else [entry for entry in ranked if entry.probability >= APPLIES]
        then = _listed(ranked[len(answer) :])
        beside = f"  ({then})" if then else ""
        if exclusive:
            label = typer.style(printable(ranked[0].label), bold=True)
            typer.echo(f"{name:<{width}}  {_percent(ranked[0].probability):>5}  {label}{beside}")
        else:
            typer.echo(f"{name:<{width}}  {typer.style(_listed(answer) or 'none applies', bold=True)}{beside}")

    return show


def _listed(entries: Sequence[RankedLabel]) -> str:
    return ", ".join(f"{printable(entry.label)} {_percent(entry.probability)}" for entry in entries)


def _percent(probability: float) -> str:
    return "<1%" if 0 < probability < 0.005 else f"{probability:.0%}"  # noqa: PLR2004 - what would round to 0 %
