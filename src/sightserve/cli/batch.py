"""`sightserve batch`: very many photos to labels, in a job that survives whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from sightserve.cli.extras import fail, needs
from sightserve.cli.model_option import MODEL_HELP
from sightserve.cli.signals import stopping_on_ctrl_c
from sightserve.cli.tables import print_line, print_table
from sightserve.cli.terminal import console, escaped_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from sightserve.batch.job import Job
    from sightserve.batch.progress import Standing
    from sightserve.batch.store import Store
    from sightserve.batch.summary import Summary
    from sightserve.batch.work import Engine

_LINES: Final = 10.0  # seconds between two lines, where nobody watches
_FIRST_LINE: Final = 2.0
_MOST_LABELS: Final = 20  # of a summary on a terminal


def batch(
    photos: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A folder, a zip or tar, a listing (txt, csv, parquet), or s3://, gs://, az://; with --summary: OUT.",
        ),
    ],
    out: Annotated[
        str | None, typer.Argument(metavar="OUT", help="Folder for the answers, or s3://, gs://, az://; it is made.")
    ] = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="Ranked labels of each photo.")] = 5,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Photos classified at once (default: as many as CPUs).")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Work on this Ray cluster; local: one that is started here, auto: ours."),
    ] = None,
    retry_errors: Annotated[bool, typer.Option("--retry-errors", help="Ask again what became an error.")] = False,
    form: Annotated[Literal["parquet", "csv"], typer.Option("--format", help="Of the shards.")] = "parquet",
    shard_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Photos of a shard.")] = 1000,
    every_file: Annotated[
        bool,
        typer.Option("--every-file", help="Take files whatever they are called, not only those with a photo's name."),
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="Say what is in OUT: counts, labels, errors, photos a second.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Progress and the summary as JSON, one object a line.")
    ] = False,
) -> None:
    """Classify very many photos. Run the same again after a crash: it goes on where it was.

    A photo that cannot be read becomes a row with an error. The exit code is 0 when every photo has its row, 1 when the job
    cannot go on, and 130 when it was stopped.
    """
    with needs("backend,batch"):
        import pyarrow as _pyarrow  # noqa: F401 - missing where the extra is

        from sightserve.batch.errors import BatchError
    try:
        if summary:
            _summary(out or photos, as_json=as_json)
        elif out is None:
            fail("say where the answers go: sightserve batch IN OUT")
        else:
            _batch(photos, out, model, top_k, workers, ray, form, shard_rows, retry_errors, every_file, as_json)
    except BatchError as exc:
        fail(str(exc), code=1)


def _batch(
    photos: str,
    out: str,
    model: str | None,
    top_k: int,
    workers: int | None,
    ray: str | None,
    form: Literal["parquet", "csv"],
    shard_rows: int,
    retry_errors: bool,
    every_file: bool,
    as_json: bool,
) -> None:
    from sightserve.backend.build import load
    from sightserve.backend.errors import BackendError
    from sightserve.backend.settings import Settings
    from sightserve.batch.engines import output_of, readers_for, terms_of
    from sightserve.batch.job import base_of, open_job
    from sightserve.batch.run import run
    from sightserve.batch.sources.opening import open_source
    from sightserve.batch.store import open_store

    settings = Settings(threads_when_alone=1)  # what else the environment says counts here as it does for `serve`
    chosen = {"model": model, "cpus": workers}
    settings = settings.model_copy(update={name: value for name, value in chosen.items() if value is not None})
    try:
        bundle = load(settings)
    except BackendError as exc:
        fail(str(exc))
    store = open_store(out)
    source = open_source(photos, every_file=every_file, base=base_of(store))
    if every_file and f"{store.address}/".startswith(f"{source.address.rstrip('/')}/"):
        fail(f"{store.address} lies in {source.address}: with --every-file the answers would be taken for photos")
    with stopping_on_ctrl_c() as stop, _stopping_on_sigterm(stop), _alone(store):
        terms = terms_of(
            bundle,
            settings,
            source=source.address,
            top_k=top_k,
            shard_rows=shard_rows,
            form=form,
            every_file=every_file,
        )
        job = open_job(store, terms, getattr(source, "base", ""))
        if job.is_complete and not retry_errors:
            _say_complete(job, as_json=as_json)
            return
        engine: Engine
        readers = readers_for(source.address)
        if ray is not None:
            from sightserve.batch.on_ray import OnRay

            engine = OnRay(
                ray,
                bundle,
                settings,
                output_of(terms),
                store,
                readers=readers,
                workers=workers,
                streams=source.streams,
                check=source.check,
                say=lambda words: typer.echo(words, err=True),
            )
        else:
            from sightserve.batch.slots import Worker

            engine = Worker(bundle, settings, output_of(terms), store, readers=readers, check=source.check)
        try:
            with _shown(as_json=as_json) as tell:
                end = run(
                    job,
                    source,
                    engine,
                    stop,
                    tell,
                    name="ray" if ray is not None else "slots",
                    retry_errors=retry_errors,
                )
        finally:
            engine.close()
    _say_end(job, end, stop, out, as_json=as_json)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Be the only run in a folder; an object store has no locks, and two runs there do the same work twice, no harm."""
    from sightserve.batch.directory import Directory

    if isinstance(store, Directory):
        with store.locked():
            yield
    else:
        yield


@contextmanager
def _stopping_on_sigterm(stop: threading.Event) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _shown(*, as_json: bool) -> Iterator[Callable[[Standing], None]]:
    """Yield what shows how a job stands: in place on a terminal, now and then in a pipe."""
    from sightserve.batch.progress import in_words

    if as_json or not sys.stderr.isatty():
        began = time.monotonic()
        due = began + _FIRST_LINE

        def line(standing: Standing) -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + _LINES
                with suppress(OSError):  # who read it has gone; the work goes on
                    if as_json:
                        _print_json({"event": "progress"} | _as_json(standing))
                    else:
                        typer.echo(in_words(standing), err=True)

        yield line
        return
    with console(stderr=True).status("starting") as status:
        yield lambda standing: status.update(in_words(standing))


def _as_json(standing: Standing) -> dict[str, object]:
    left = standing.seconds_left
    return {
        "found": standing.found,
        "listed": standing.listed,
        "done": standing.done,
        "errors": standing.errors,
        "photos_per_second": round(standing.rate, 1),
        "seconds_left": None if left is None else round(left),
    }


def _print_json(told: dict[str, object]) -> None:
    typer.echo(escaped_json(json.dumps(told, ensure_ascii=False)))


def _say_complete(job: Job, *, as_json: bool) -> None:
    photos = job.listed.photos if job.listed else 0
    if as_json:
        _print_json({"event": "complete", "photos": photos, "shards": len(job.done), "before": True})
    else:
        print_line(
            f"complete: {_of(photos, 'photo')} in {_of(len(job.done), 'shard')}, as an earlier run found them", "green"
        )


def _say_end(job: Job, end: Standing, stop: threading.Event, out: str, *, as_json: bool) -> None:
    from sightserve.batch.progress import in_words

    complete = job.is_complete
    if as_json:
        _print_json({"event": "complete" if complete else "stopped", "shards": len(job.done)} | _as_json(end))
    if not complete and stop.is_set():
        typer.secho(f"sightserve: stopped: {in_words(end)}. Run the same again to go on", err=True, fg=typer.colors.RED)
        sys.stdout.flush()
        os._exit(130)  # threads that wait for a store to come back are not waited for: all that is written is there
    if not as_json:
        print_line(f"complete: {in_words(end)}", "green")
        print_line(f"{_of(len(job.done), 'shard')} in {out}; what is in them: sightserve batch --summary {out}")


def _of(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _summary(out: str, *, as_json: bool) -> None:
    from sightserve.batch.job import find_job
    from sightserve.batch.store import open_store
    from sightserve.batch.summary import summarise

    job = find_job(open_store(out))
    told = summarise(job)
    if as_json:
        _print_json(_summary_json(job, told))
        return
    state = "complete" if job.is_complete else "not complete: run the same again to go on"
    print_line(f"{_of(told.photos, 'photo')} in {_of(told.shards, 'shard')} by {job.terms.model}; {state}", "bold")
    if not job.is_complete:
        print_line(f"found so far: {told.found:,}" + ("" if told.listed else ", and there may be more"))
    if told.rate:
        print_line(f"{told.rate:,.1f} photos a second over all runs, their starts included")
    if told.labels or told.unsure:
        top = told.labels.most_common(_MOST_LABELS)
        rows = [(f"{count:,}", f"{count / max(1, told.photos):.1%}", label) for label, count in top]
        if told.unsure:
            rows.append((f"{told.unsure:,}", f"{told.unsure / max(1, told.photos):.1%}", "(not sure)"))
        print_table(("photos", "", "label"), rows, right=frozenset(("photos", "")))
        if len(told.labels) > _MOST_LABELS:
            print_line(f"and {len(told.labels) - _MOST_LABELS:,} more labels: --json has all")
    if told.errors:
        failed = [(f"{count:,}", code, *told.examples[code]) for code, count in told.errors.most_common()]
        print_table(("errors", "code", "for example", "why"), failed, right=frozenset(("errors",)))


def _summary_json(job: Job, told: Summary) -> dict[str, object]:
    return {
        "complete": job.is_complete,
        "model": job.terms.model,
        "source": job.terms.source,
        "found": told.found,
        "listed": told.listed,
        "photos": told.photos,
        "shards": told.shards,
        "labels": dict(told.labels.most_common()),
        "unsure": told.unsure,
        "errors": dict(told.errors.most_common()),
        "examples": {code: {"path": path, "error": why} for code, (path, why) in told.examples.items()},
        "seconds": told.seconds,
        "photos_per_second": round(told.rate, 2),
    }
