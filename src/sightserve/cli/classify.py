"""`sightserve classify`: photos to labels on the command line, in this process or through a backend."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightserve.cli.extras import fail, needs
from sightserve.imaging.formats import is_photo_name

if TYPE_CHECKING:  # every command passes here, and building the schema takes a tenth of a cold start
    from sightserve.api.schema import Prediction

    Classify = Callable[[bytes, str], Prediction]

_LONGEST_NAME = 60
_REMOTE_REQUESTS = 8  # enough to keep a backend busy while answers travel


class _Failed(Exception):
    """One photo could not be classified: the code and the sentence that say why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One photo's prediction, or why it has none."""

    source: str
    prediction: Prediction | None = None
    failure: _Failed | None = None


def classify(
    paths: Annotated[list[str], typer.Argument(help="Photos, folders of photos, or - for one photo on stdin.")],
    backend: Annotated[
        str | None, typer.Option(help="Address of a backend; without it the model runs in this process.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Directory of a model bundle, when running in this process.")
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many labels to give for each photo.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line and photo.")] = False,
) -> None:
    """Classify photos. The exit code is 1 when any of them failed; each that did is named."""
    sources = list(_sources(paths))
    show = _print_json if as_json else _table(sources)
    failed = 0
    with ExitStack() as stack:
        run, workers = _remote(backend, top_k, stack) if backend else _in_process(model, top_k)
        for outcome in _classify_all(run, sources, workers):
            failed += outcome.prediction is None
            show(outcome)
    if failed:
        typer.secho(f"{failed} of {len(sources)} failed", err=True, fg=typer.colors.RED)
    if failed or not sources:
        raise typer.Exit(1)


def _sources(paths: list[str]) -> Iterator[str]:
    """Yield each file to classify: what is named, whatever it is called, and a folder's photos, in order of name."""
    for path in paths:
        folder = Path(path)
        if path == "-" or not folder.is_dir():
            yield path
            continue
        found = sorted(str(p) for p in folder.rglob("*") if is_photo_name(str(p.relative_to(folder))) and p.is_file())
        if not found:
            typer.secho(f"{path}: no photos in this folder", err=True, fg=typer.colors.YELLOW)
        yield from found


def _classify_all(run: Classify, sources: list[str], workers: int) -> Iterator[_Outcome]:
    """Yield outcomes in the order of the sources; no more than twice `workers` photos are in memory at once."""
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[_Outcome]] = deque()
        for source in sources:
            pending.append(pool.submit(_classify_one, run, source))
            if len(pending) >= 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _classify_one(run: Classify, source: str) -> _Outcome:
    shown = os.fsencode(source).decode(errors="replace")  # a file's name is bytes, and not all of them are text
    try:
        if source == "-":
            return _Outcome(shown, prediction=run(sys.stdin.buffer.read(), "stdin"))
        return _Outcome(shown, prediction=run(Path(source).read_bytes(), Path(shown).name))
    except OSError as exc:
        return _Outcome(shown, failure=_Failed("unreadable_file", exc.strerror or str(exc)))
    except _Failed as failure:
        return _Outcome(shown, failure=failure)


def _in_process(model: Path | None, top_k: int) -> tuple[Classify, int]:
    """Return what classifies a photo in this process, and how many may run at once."""
    from sightserve.api.schema import Prediction

    with needs("backend"):
        from sightserve.backend.build import load, setup_of
        from sightserve.backend.errors import BackendError
        from sightserve.backend.job import Job
        from sightserve.backend.settings import Settings
        from sightserve.backend.slot.assemble import assemble
    settings = Settings(calibrate=False) if model is None else Settings(calibrate=False, model=model)
    try:
        bundle = load(settings)
        pipeline, _ = assemble(setup_of(settings, bundle), measure=False)
    except BackendError as exc:
        fail(str(exc))
    if top_k > len(bundle.labels):
        fail(f"--top-k must be between 1 and {len(bundle.labels)}, the number of classes")

    def run(image: bytes, name: str) -> Prediction:
        try:
            return Prediction.model_validate_json(pipeline.classify(Job(image, name, top_k)))
        except BackendError as exc:
            raise _Failed(exc.code, str(exc)) from exc

    return run, settings.cpus


def _remote(url: str, top_k: int, stack: ExitStack) -> tuple[Classify, int]:
    """Return what classifies a photo through a backend, and how many requests may be under way at once."""
    from sightserve.client import ApiError, Client, ClientError

    client = stack.enter_context(Client(url))

    def run(image: bytes, name: str) -> Prediction:
        try:
            return client.predict(image, filename=name, top_k=top_k)
        except ClientError as exc:
            raise _Failed(exc.code if isinstance(exc, ApiError) else "no_answer", str(exc)) from exc

    return run, _REMOTE_REQUESTS


def _print_json(outcome: _Outcome) -> None:
    body: dict[str, object] = {"source": outcome.source}
    if outcome.prediction is not None:
        body |= outcome.prediction.model_dump(mode="json", exclude={"probabilities"})
    if outcome.failure is not None:
        body["error"] = {"code": outcome.failure.code, "detail": str(outcome.failure)}
    typer.echo(json.dumps(body, ensure_ascii=False))


def _table(sources: list[str]) -> Callable[[_Outcome], None]:
    """Return what prints one row: as each photo is done, so that a long folder shows its progress."""
    width = min(max((len(source) for source in sources), default=0), _LONGEST_NAME)
    if len(sources) > 1:
        typer.secho(f"{'photo':<{width}}  {'sure':>5}  label (then)", bold=True)

    def show(outcome: _Outcome) -> None:
        name = outcome.source if len(outcome.source) <= width else "…" + outcome.source[1 - width :]
        if outcome.prediction is None:
            typer.secho(f"{name:<{width}}  {'error':>5}  {outcome.failure}", err=True, fg=typer.colors.RED)
            return
        first, *others = outcome.prediction.top_k
        then = ", ".join(f"{other.label} {_percent(other.probability)}" for other in others)
        label = typer.style(first.label, bold=True) + (f"  ({then})" if then else "")
        typer.echo(f"{name:<{width}}  {_percent(first.probability):>5}  {label}")

    return show


def _percent(probability: float) -> str:
    return "<1%" if 0 < probability < 0.005 else f"{probability:.0%}"  # noqa: PLR2004 - what would round to 0 %
