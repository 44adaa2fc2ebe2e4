"""One machine: the engine that has groups of photos go to the backend's own slots (`backend.workers`)."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sightserve.api.rows import Row
from sightserve.backend.errors import BackendError
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import Settings
from sightserve.backend.workers import Workers
from sightserve.batch.errors import BatchError
from sightserve.batch.groups import Groups
from sightserve.batch.store import Store
from sightserve.batch.work import Counted, Output, Shard, Written
from sightserve.bundle.manifest import Bundle

READERS: Final = 8  # threads; a disk needs few
READERS_AFAR: Final = 32  # an object store takes some 30 ms for each photo
_MISSING: Final = frozenset({"file_not_found", "unreadable_file"})


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
        self._output, self._store = output, store
        self.readers, self.labels = readers, output.labels
        self._workers = Workers(settings, bundle)
        self.count, self.together = self._workers.count, self._workers.together

    def start(self) -> None:
        """Start the first slot and wait until it is ready.

        Raises:
            BatchError: it cannot load the model.
        """
        try:
            self._workers.start()
        except BackendError as exc:
            raise BatchError(str(exc)) from exc

    def close(self) -> None:
        """End the slots."""
        self._workers.close()

    def work(self, shards: Iterable[Shard], stop: threading.Event, counted: Counted) -> Iterator[Written]:
        """See Engine."""
        self.start()
        yield from Groups(self, stop, counted).results(shards)

    def finish(self, number: int, rows: list[Row]) -> Written:
        """See groups.Classifies."""
        if any(row.get("error_code") in _MISSING for row in rows):
            self._check()
        return self._output.write(self._store, number, rows)

    def classify(self, number: int, photos: Sequence[bytes]) -> list[Answer | BackendError]:
        """Return what becomes of photos that go through the network together, in the slot of a thread; see groups.Classifies.

        Raises:
            BatchError: none starts, or the model fails on everything.
        """
        try:
            return self._workers.classify(number, [Job(photo, top_k=self._output.labels) for photo in photos])
        except BackendError as exc:
            raise BatchError(str(exc)) from exc
