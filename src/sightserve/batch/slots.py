"""One machine: photos -> [read in threads] -> groups -> [the backend's own slots, a thread waits for each] -> rows -> a file.

A photo that kills or hangs its slot takes no other along: the group runs again, each photo by itself in a new slot. Groups are
cut by the photos' places in their shard alone, so that a float network's last bits are the same in every run.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from sightserve.api import rows as table
from sightserve.api.errors import ErrorCode
from sightserve.api.rows import Row
from sightserve.backend.build import limits_of
from sightserve.backend.direct import Slot, Slots
from sightserve.backend.errors import BackendError, ImageError, ModelLoadError, NeedsMemory, SlotLost
from sightserve.backend.job import LARGEST_BATCH, Answer, Job, Plan
from sightserve.backend.settings import Settings
from sightserve.batch.errors import BatchError, Unreadable
from sightserve.batch.photo import Photo
from sightserve.batch.reading import read
from sightserve.batch.store import Store
from sightserve.batch.work import Counted, Output, Shard, Written
from sightserve.bundle.manifest import Bundle

READERS: Final = 8  # threads; a disk needs few
READERS_AFAR: Final = 32  # an object store takes some 30 ms for each photo
_HELD: Final = 192 * 2**20  # bytes of photos that were read, and wait
_MODEL_FAILS: Final = 100  # photos in a row, before anything else was said: it is no photo's fault
_MISSING: Final = frozenset({"file_not_found", "unreadable_file"})
_LOOK: Final = 0.2  # seconds between looks at whether it is over
_STARTS: Final = 5  # of a slot, in a row, that fail
_PAUSE: Final = 0.5  # seconds before another start
_SLOW_MACHINE: Final = 20.0  # times the work of a group, before its slot counts as hung


def together_of(bundle: Bundle) -> int:
    """Return how many photos go through this network together."""
    return min(LARGEST_BATCH, bundle.manifest.max_batch or LARGEST_BATCH)


def shown(name: str) -> str:
    """Return a photo's name as text, that of a file that is none included."""
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


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


@dataclass(slots=True)
class _Window:
    """How much may be read ahead: groups, and their bytes as far as those of others tell.

    Attributes:
        least, most: groups.
    """

    least: int
    most: int
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _groups: int = 0
    _held: int = 0
    _photos: int = 0
    _bytes: int = 0

    def enter(self, photos: int, stopped: Callable[[], bool]) -> bool:
        """Wait for a place; return whether there is one, before somebody says stop."""
        with self._changed:
            while not stopped():
                expected = photos * self._bytes // max(1, self._photos)
                if self._groups < self.least or (self._groups < self.most and self._held + expected <= _HELD):
                    self._groups += 1
                    return True
                self._changed.wait(_LOOK)
            return False

    def has_read(self, size: int) -> None:
        """Count a photo's bytes."""
        with self._changed:
            self._held += size
            self._photos += 1
            self._bytes += size

    def leave(self, size: int) -> None:
        """Free a group's place and its bytes."""
        with self._changed:
            self._groups -= 1
            self._held -= size
            self._changed.notify_all()


class _Pixels:
    """What photos that need more memory than a slot may take unasked hold together; one is let in, however large."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._changed = threading.Condition()

    def enter(self, pixels: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + pixels <= self._most)
            self._held += pixels

    def leave(self, pixels: int) -> None:
        with self._changed:
            self._held -= pixels
            self._changed.notify_all()


class Worker:
    """The slots of this machine; an `Engine`. They start with the first work, and serve until `close`."""

    def __init__(
        self,
        bundle: Bundle,
        settings: Settings,
        output: Output,
        store: Store,
        *,
        readers: int,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Take note of what to do.

        Args:
            bundle: the model.
            settings: of the backend: how many slots, how large a photo may be, ...
            output: how rows become a file.
            store: where it goes.
            readers: threads that read photos.
            check: raises StorageAway where all photos are gone; asked before rows are written that say so of some.
        """
        self._check = check
        self._settings, self._output, self._store, self._readers = settings, output, store, readers
        self._slots = Slots(settings, bundle)
        self._limits = limits_of(settings, bundle)
        self._large = _Pixels(self._limits.pixels_shared)
        self._together = together_of(bundle)
        self._plan: Plan | None = None
        self._running: dict[int, Slot] = {}  # by thread
        self._answers = 0
        self._model_failures = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the slots said of the model."""
        return next(iter(self._running.values())).notes if self._running else ()

    def start(self) -> None:
        """Start the first slot and wait until it is ready.

        Raises:
            BatchError: it cannot load the model.
        """
        if not self._running:
            try:
                self._running[0] = self._slots.start()
            except BackendError as exc:
                raise BatchError(str(exc)) from exc
            self._plan = self._running[0].plan

    def close(self) -> None:
        """End the slots."""
        for slot in self._running.values():
            slot.end()
        self._running.clear()
        self._slots.close()

    def work(self, shards: Iterable[Shard], stop: threading.Event, counted: Counted) -> Iterator[Written]:
        """See Engine."""
        self.start()
        run = _Run(self, stop, counted)
        yield from run.results(shards)

    def _slot(self, number: int) -> Slot:
        """Return the slot of a thread, a new one where it has none.

        Raises:
            BatchError: none starts.
        """
        for attempt in range(1, _STARTS + 1):
            if slot := self._running.get(number):
                return slot
            try:
                self._running[number] = self._slots.start(self._plan)
            except ModelLoadError as exc:
                raise BatchError(str(exc)) from exc
            except SlotLost as exc:
                if attempt == _STARTS:
                    raise BatchError(f"no slot starts any more: {exc}") from exc
                time.sleep(_PAUSE * attempt)
        return self._running[number]

    def _ask(self, number: int, jobs: Sequence[Job], room: int | None = None) -> list[Answer | BackendError]:
        """Have the slot of a thread classify photos; what dies or hangs there is lost with it.

        Raises:
            SlotLost: so it is.
            BatchError: none starts.
        """
        slot = self._slot(number)
        inference = self._plan.inference if self._plan else 0.0
        try:
            return slot.ask(
                jobs,
                room or self._limits.pixels_each,
                max(self._settings.hang_timeout, _SLOW_MACHINE * len(jobs) * inference),
            )
        except SlotLost:
            self._running.pop(number).end()
            raise

    def classify(self, number: int, photos: Sequence[bytes]) -> list[Answer | BackendError]:
        """Return what becomes of photos that go through the network together, in the slot of a thread.

        Raises:
            BatchError: none starts, or the model fails on everything.
        """
        if not photos:
            return []
        jobs = [Job(photo, top_k=self._output.labels) for photo in photos]
        outcomes: list[Answer | BackendError]
        try:
            outcomes = self._ask(number, jobs)
        except SlotLost as exc:
            outcomes = [exc] if len(jobs) == 1 else [self._alone(number, job) for job in jobs]
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, NeedsMemory):
                outcomes[place] = self._with_room(number, jobs[place], outcome.pixels)
        self._look_at(outcomes)
        return outcomes

    def _alone(self, number: int, job: Job) -> Answer | BackendError:
        try:
            return self._ask(number, [job])[0]
        except SlotLost as exc:
            return exc

    def _with_room(self, number: int, job: Job, pixels: int) -> Answer | BackendError:
        self._large.enter(pixels)
        try:
            outcome = self._ask(number, [job], pixels)[0]
        except SlotLost as exc:
            return exc
        finally:
            self._large.leave(pixels)
        return SlotLost("a slot asked for memory that it had") if isinstance(outcome, NeedsMemory) else outcome

    def _look_at(self, outcomes: Sequence[Answer | BackendError]) -> None:
        """End the work where the model itself is at fault: a million rows would say the same."""
        for outcome in outcomes:
            if isinstance(outcome, Answer):
                self._answers += 1
            elif not isinstance(outcome, ImageError):
                self._model_failures += 1
                if not self._answers and self._model_failures >= _MODEL_FAILS:
                    raise BatchError(f"the model answers to no photo; the last time: {outcome}")


class _Run:
    """One call of `work`: the threads, and what passes between them."""

    def __init__(self, worker: Worker, stop: threading.Event, counted: Counted) -> None:
        self._worker, self._counted = worker, counted
        self._asked_to_stop = stop
        self._over = threading.Event()
        count = worker._settings.cpus
        together = worker._together
        ahead = max(2 * count, 2 * worker._readers // together)
        self._window = _Window(count, count + ahead)
        self._groups: queue.Queue[_Group | None] = queue.Queue()
        self._results: queue.Queue[Written | BaseException | None] = queue.Queue()
        self._changing = threading.Lock()
        self._count = count

    def results(self, shards: Iterable[Shard]) -> Iterator[Written]:
        """Yield what is written, until there is nothing more."""
        threads = [threading.Thread(target=self._guarded, args=(self._serve, number)) for number in range(self._count)]
        reading = ThreadPoolExecutor(self._worker._readers, thread_name_prefix="read")
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
        together = self._worker._together
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
            wait((future,), _LOOK)
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
            row = _row(name, failed.get(place) or next(outcomes), self._worker._output.labels)
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
        if self._over.is_set():
            return
        if any(row.get("error_code") in _MISSING for row in opened.rows):
            self._worker._check()
        self._results.put(self._worker._output.write(self._worker._store, opened.shard.number, opened.rows))


def _row(name: str, outcome: Answer | Exception, labels: int) -> Row:
    if isinstance(outcome, Answer):
        return table.answered(name, json.loads(outcome.body), labels)
    if isinstance(outcome, SlotLost):  # its last words differ from run to run, and shards must not
        return table.failed(name, str(outcome.code), "the process that worked on this photo died, or took too long")
    code = outcome.code if isinstance(outcome, (BackendError, Unreadable)) else ErrorCode.INTERNAL
    return table.failed(name, str(code), str(outcome))
