"""One machine: a group of photos -> [one of the backend's own slots, for which a thread waits] -> their answers.

A photo that kills or hangs its slot takes no other along: the group runs again, each photo by itself in a new slot.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sightserve.api.rows import Row
from sightserve.backend.build import limits_of
from sightserve.backend.direct import Slot, Slots
from sightserve.backend.errors import BackendError, ImageError, ModelLoadError, NeedsMemory, SlotLost
from sightserve.backend.job import LARGEST_BATCH, Answer, Job, Plan
from sightserve.backend.settings import Settings
from sightserve.batch.errors import BatchError
from sightserve.batch.groups import Groups
from sightserve.batch.store import Store
from sightserve.batch.window import Pixels
from sightserve.batch.work import Counted, Output, Shard, Written
from sightserve.bundle.manifest import Bundle

READERS: Final = 8  # threads; a disk needs few
READERS_AFAR: Final = 32  # an object store takes some 30 ms for each photo
_MODEL_FAILS: Final = 100  # photos in a row, before anything else was said: it is no photo's fault
_MISSING: Final = frozenset({"file_not_found", "unreadable_file"})
_STARTS: Final = 5  # of a slot, in a row, that fail
_PAUSE: Final = 0.5  # seconds before another start
_SLOW_MACHINE: Final = 20.0  # times the work of a group, before its slot counts as hung


def together_of(bundle: Bundle) -> int:
    """Return how many photos go through this network together."""
    return min(LARGEST_BATCH, bundle.manifest.max_batch or LARGEST_BATCH)


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
        self._settings, self._output, self._store = settings, output, store
        self.count, self.readers, self.labels = settings.cpus, readers, output.labels
        self.together = together_of(bundle)
        self._slots = Slots(settings, bundle)
        self._limits = limits_of(settings, bundle)
        self._large = Pixels(self._limits.pixels_shared)
        self._plan: Plan | None = None
        self._running: dict[int, Slot] = {}  # by thread
        self._answers = 0
        self._model_failures = 0

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
        yield from Groups(self, stop, counted).results(shards)

    def finish(self, number: int, rows: list[Row]) -> Written:
        """See groups.Classifies."""
        if any(row.get("error_code") in _MISSING for row in rows):
            self._check()
        return self._output.write(self._store, number, rows)

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
        """Return what becomes of photos that go through the network together, in the slot of a thread; see groups.Classifies.

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
