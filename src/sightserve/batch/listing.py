"""A source's photos, cut into shards: first what earlier runs wrote down, then what is found now."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.job import Job
from sightserve.batch.photo import Photo
from sightserve.batch.shards import decode
from sightserve.batch.sources import Source
from sightserve.batch.work import Shard

_LOOK: Final = 0.2  # seconds between looks at whether somebody said stop


class Listing:
    """What there is to do, as far as it is found.

    Attributes:
        found: photos so far.
    """

    def __init__(self, job: Job, source: Source, stop: threading.Event) -> None:
        """Begin nothing yet; `shards` does."""
        self._job, self._source, self._stop = job, source, stop
        self._rows = job.terms.shard_rows
        self.found = job.listed.photos if job.listed else job.recorded * self._rows
        self._changed = threading.Condition()
        self._failed: BaseException | None = None
        self._closed = False
        self._spools: tempfile.TemporaryDirectory[str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all are found."""
        return self._job.listed is not None

    def shards(self) -> Iterator[Shard]:
        """Yield the shards that are not there, in order; ends early once somebody says stop.

        Raises:
            BatchError: the source cannot be listed, or has no photo.
            StorageAway: it cannot be reached.
        """
        if self._source.streams:
            yield from self._streamed(lambda number: number not in self._job.done)
            return
        ahead = threading.Thread(target=self._list_ahead, name="list", daemon=True)
        if not self.is_whole:
            ahead.start()
        number = 0
        while self._wait_for(number):
            if number not in self._job.done:
                yield Shard(number, tuple(self._job.photos(number)))
            number += 1

    def retries(self) -> Iterator[Shard]:
        """Yield the shards that are there and have errors, with their rows."""
        if self._source.streams:
            done = set(self._job.done)
            shards: Iterator[Shard] = self._streamed(done.__contains__)
        else:
            shards = (Shard(number, ()) for number in sorted(self._job.done))
        for shard in shards:
            if self._is_over():
                return
            rows = decode(self._job.shard(shard.number), self._job.terms.form)
            if any(row["status"] == "error" for row in rows):
                photos = shard.photos or tuple(self._job.photos(shard.number))
                yield Shard(shard.number, photos, tuple(rows))
            else:
                self.written(shard.number)

    def _is_over(self) -> bool:
        return self._closed or self._stop.is_set()

    def _wait_for(self, number: int) -> bool:
        """Wait until a shard's photos are written down; return whether they ever are."""
        with self._changed:
            while not self._is_over():
                if number < self._job.recorded and not (self._job.listed and number >= self._job.listed.shards):
                    return True
                if self._failed is not None:
                    raise self._failed
                if self._job.listed is not None:
                    return False
                self._changed.wait(_LOOK)
        return False

    def _list_ahead(self) -> None:
        try:
            after = self._job.photos(self._job.recorded - 1)[-1] if self._job.recorded else None
            number = self._job.recorded
            photos = self._source.photos(after)
            last = len(self._job.photos(number - 1)) if number else 0
            while chunk := list(islice(photos, self._rows)):
                if self._is_over():
                    return
                self._job.record(number, chunk)
                number, last = number + 1, len(chunk)
                with self._changed:
                    self.found += last
                    self._changed.notify_all()
            self._end(number, (number - 1) * self._rows + last if number else 0)
        except BaseException as exc:  # noqa: BLE001 - raised where shards are waited for
            with self._changed:
                self._failed = exc
                self._changed.notify_all()

    def _end(self, shards: int, photos: int) -> None:
        if not photos:
            raise BatchError(_nothing(self._source.address, every_file=self._job.terms.every_file))
        with self._changed:
            self.found = photos
            self._job.end_listing(photos, shards)
            self._changed.notify_all()

    def _streamed(self, is_wanted: Callable[[int], bool]) -> Iterator[Shard]:
        """Yield those shards of photos that can be had only in their turn: found again in every run, from the first on.

        Their bytes wait on the disk, each shard's until `written` says that it is there.
        """
        photos, number, found = self._source.photos(None), 0, 0
        while not self._is_over():
            if not (chunk := list(self._spooled(photos, number))):
                self._end(number, found)
                return
            if number >= self._job.recorded:
                self._job.record(number, chunk)
            found += len(chunk)
            self.found = max(self.found, found)
            if is_wanted(number):
                yield Shard(number, tuple(chunk))
            else:
                self.written(number)
            number += 1

    def _spooled(self, photos: Iterator[Photo], number: int) -> Iterator[Photo]:
        """Yield the next photos with their bytes on the disk instead of in memory."""
        path = self._spool(number)
        start = 0
        try:
            with path.open("wb") as file:
                for found in islice(photos, self._rows):
                    photo = found
                    data = photo.data or b""
                    file.write(data)
                    if photo.data is not None:
                        photo = Photo(photo.name, str(path), start=start, size=len(data))
                    yield photo
                    start += len(data)
        except OSError as exc:
            raise StorageAway(f"{path.parent} cannot take the photos of a compressed archive: {exc.strerror}") from exc

    def _spool(self, number: int) -> Path:
        if self._spools is None:
            self._spools = tempfile.TemporaryDirectory(prefix="sightserve-batch-")
        return Path(self._spools.name) / f"{number:05d}"

    def written(self, number: int) -> None:
        """Let go of what was kept for a shard that is there now."""
        if self._spools is not None:
            self._spool(number).unlink(missing_ok=True)

    def close(self) -> None:
        """List nothing more, and let go of everything that was kept."""
        self._closed = True
        if self._spools is not None:
            self._spools.cleanup()


def _nothing(address: str, *, every_file: bool) -> str:
    if every_file:
        return f"{address} is empty"
    return f"there is no photo in {address}, by the files' names: --every-file takes them whatever they are called"
