"""One run of a job: what is listed goes to an engine, what it has written is counted."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import sightserve
from sightserve.batch.errors import BatchError
from sightserve.batch.job import Job
from sightserve.batch.listing import Listing
from sightserve.batch.progress import Progress, Standing
from sightserve.batch.sources import Source
from sightserve.batch.work import Engine, Shard

Tell = Callable[[Standing], None]
_LOOK: Final = 0.5  # seconds between two looks at how it stands
_NOTE: Final = 15.0  # seconds between two notes of it in OUT


def run(
    job: Job, source: Source, engine: Engine, stop: threading.Event, tell: Tell, *, name: str, retry_errors: bool
) -> Standing:
    """Work until the job is done or somebody says stop; return how it stands then.

    Args:
        job: that is opened.
        source: its photos.
        engine: classifies and writes them.
        stop: see above.
        tell: told twice a second how it stands, in a thread.
        name: of the engine, for the record.
        retry_errors: ask again what became an error, and nothing else where all is done.

    Raises:
        BatchError: it cannot go on; what is done stays.
    """
    listing = Listing(job, source, stop)
    progress = Progress(job.photos_done, time.monotonic())
    counting = threading.Lock()

    def counted(photos: int, errors: int) -> None:
        with counting:
            progress.add(photos, errors)

    def standing() -> Standing:
        return progress.standing(listing.found, time.monotonic(), listed=listing.is_whole)

    def retries() -> Iterator[Shard]:
        for shard in listing.retries():
            with counting:
                progress.before -= len(shard.wanted)
            yield shard

    passes = [retries] if retry_errors else []
    passes += [] if job.is_complete else [listing.shards]
    try:
        with _noted(job, name, progress), _every(_LOOK, lambda: tell(standing())):
            for shards in passes:
                for written in engine.work(shards(), stop, counted):
                    job.done.add(written.number)
                    listing.written(written.number)
    finally:
        listing.close()
    return standing()


@contextmanager
def _every(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Have something done now and then in a thread, until the block is over."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            work()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _noted(job: Job, engine: str, progress: Progress) -> Iterator[None]:
    """Keep in OUT how the run goes: for the summary, and also where it is killed."""
    began = datetime.now(UTC)
    name = f"{began:%Y%m%dT%H%M%S.%f}-{os.getpid()}"

    def note() -> None:
        seconds = round(time.monotonic() - progress.began, 1)
        told = {"began": began.isoformat(timespec="seconds"), "seconds": seconds, "photos": progress.done}
        with suppress(BatchError):  # the shards say so themselves, and this is no reason to end
            job.record_run(
                name, told | {"errors": progress.errors, "engine": engine, "version": sightserve.__version__}
            )

    try:
        with _every(_NOTE, note):
            yield
    finally:
        if progress.done:
            note()
