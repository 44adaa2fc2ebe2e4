"""Shards -> [photos read ahead in threads] -> groups -> [a thread for each slot] -> rows, and a shard when its last is there.

Groups are cut by the photos' places in their shard alone, so that a float network's last bits are the same in every run.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sightserve.api import rows as table
from sightserve.api.errors import ErrorCode
from sightserve.api.rows import Row
from sightserve.backend.errors import BackendError, SlotLost
from sightserve.backend.job import Answer
from sightserve.backend.workers import DIED
from sightserve.batch.errors import Unreadable
from sightserve.batch.photo import Photo
from sightserve.batch.reading import read
from sightserve.batch.window import LOOK, Window
from sightserve.batch.work import Counted, Shard, Written


class _Stopped(Exception):
    """It is all over, and nobody waits for this photo any more."""


@dataclass(slots=True, eq=False)
class _Open:
    """A shard under way: its rows so far, and how many groups are still missing."""

    shard: Shard
    rows: list[Row]
    missing: int


@dataclass(slots=True)
class _Group:
    """Photos that go through the network together, while they are read."""

    of: _Open
    places: Sequence[int]
    bytes_of: "Sequence[Future[bytes]]"


class Classifies(Protocol):
    """What has slots.

    Attributes:
        count: of the slots; a thread waits for each.
        readers: threads that read photos.
        together: photos of a group.
        labels: ranked ones of a row.
    """

    count: int
    readers: int
    together: int
    labels: int

    def classify(self, number: int, photos: Sequence[bytes]) -> list[Answer | BackendError]:
        """Return what becomes of a group's photos, in the slot of this number.

        Raises:
            BatchError: the work cannot go on.
        """

    def finish(self, number: int, rows: list[Row]) -> Written:
        """Put a shard in its place.

        Raises:
            StorageAway: it cannot be written, or all photos are gone.
        """


class Groups:
    """One call of `Worker.work`: the threads, and what passes between them."""

    def __init__(self, worker: Classifies, stop: threading.Event, counted: Counted) -> None:
        """Begin nothing yet; `results` does."""
        self._worker, self._counted = worker, counted
        self._asked_to_stop = stop
        self._over = threading.Event()
        ahead = max(2 * worker.count, 2 * worker.readers // worker.together)
        self._window = Window(worker.count, worker.count + ahead)
        self._groups: queue.Queue[_Group | None] = queue.Queue()
        self._results: queue.Queue[Written | BaseException | None] = queue.Queue()
        self._changing = threading.Lock()

    def results(self, shards: Iterable[Shard]) -> Iterator[Written]:
        """Yield what is written, until there is nothing more."""
        threads = [
            threading.Thread(target=self._guarded, args=(self._serve, number)) for number in range(self._worker.count)
        ]
        reading = ThreadPoolExecutor(self._worker.readers, thread_name_prefix="read")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="write")
        feeding = threading.Thread(target=self._guarded, args=(self._feed, shards, reading))
        ending = threading.Thread(target=self._end, args=(feeding, threads, reading))
        for thread in (feeding, *threads, ending):
            thread.start()
        try:
            while (result := self._results.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            self._over.set()
            ending.join()

    def _stopped(self) -> bool:
        return self._over.is_set() or self._asked_to_stop.is_set()

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except BaseException as exc:  # noqa: BLE001 - whoever waits for results has to hear of it, whatever it is
            self._over.set()
            self._results.put(exc)

    def _end(self, feeding: threading.Thread, threads: Sequence[threading.Thread], reading: ThreadPoolExecutor) -> None:
        """Wait for everybody in turn, and say that nothing more comes."""
        feeding.join()
        for _ in threads:
            self._groups.put(None)
        for thread in threads:
            thread.join()
        reading.shutdown(wait=not self._stopped(), cancel_futures=True)
        self._writing.shutdown()
        self._results.put(None)

    def _feed(self, shards: Iterable[Shard], reading: ThreadPoolExecutor) -> None:
        """Have photos read, group by group, as there is place for them."""
        together = self._worker.together
        for shard in shards:
            wanted = shard.wanted
            groups = [wanted[at : at + together] for at in range(0, len(wanted), together)]
            kept = list(shard.rows) if shard.rows is not None else [{} for _ in shard.photos]
            opened = _Open(shard, kept, len(groups))
            if not groups:
                self._writing.submit(self._guarded, self._write, opened)
            for places in groups:
                if not self._window.enter(len(places), self._stopped):
                    return
                read_ = [reading.submit(self._read, shard.photos[place]) for place in places]
                self._groups.put(_Group(opened, places, read_))
            if self._stopped():
                return

    def _read(self, photo: Photo) -> bytes:
        data = read(photo)
        self._window.has_read(len(data))
        return data

    def _serve(self, number: int) -> None:
        """Classify groups in the slot of this thread."""
        while (group := self._groups.get()) is not None:
            if self._stopped():
                continue
            self._classify(number, group)

    def _bytes(self, future: "Future[bytes]") -> bytes:
        """Wait for a photo's bytes: not on, once it is all over; a store may take minutes to say that it is away."""
        while True:
            wait((future,), LOOK)
            if future.done():
                return future.result()
            if self._stopped():
                raise _Stopped

    def _classify(self, number: int, group: _Group) -> None:
        photos: list[bytes] = []
        failed: dict[int, Unreadable] = {}
        for place, future in zip(group.places, group.bytes_of, strict=True):
            try:
                photos.append(self._bytes(future))
            except Unreadable as exc:
                failed[place] = exc
            except _Stopped:
                return
        outcomes = iter(self._worker.classify(number, photos))
        self._window.leave(sum(map(len, photos)))
        errors = 0
        for place in group.places:
            name = shown(group.of.shard.photos[place].name)
            row = _row(name, failed.get(place) or next(outcomes), self._worker.labels)
            group.of.rows[place] = row
            errors += row["status"] == "error"
        with self._changing:
            group.of.missing -= 1
            is_whole = not group.of.missing
        self._counted(len(group.places), errors)
        if is_whole:
            with suppress(RuntimeError):  # somebody else has failed, and it is all over
                self._writing.submit(self._guarded, self._write, group.of)

    def _write(self, opened: _Open) -> None:
        if not self._over.is_set():
            self._results.put(self._worker.finish(opened.shard.number, opened.rows))


def shown(name: str) -> str:
    """Return a photo's name as text, that of a file that is none included."""
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


def _row(name: str, outcome: Answer | Exception, labels: int) -> Row:
    if isinstance(outcome, Answer):
        return table.answered(name, json.loads(outcome.body), labels)
    if isinstance(outcome, SlotLost):  # its last words differ from run to run, and shards must not
        return table.failed(name, str(outcome.code), DIED)
    code = outcome.code if isinstance(outcome, (BackendError, Unreadable)) else ErrorCode.INTERNAL
    return table.failed(name, str(code), str(outcome))
