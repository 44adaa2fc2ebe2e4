"""Shards under way on a cluster: taken from a listing as there is place, heard of, sent again where they are lost."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sightserve.batch import on_node
from sightserve.batch.cluster import Cluster
from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.work import Counted, Shard, Written

_LEAST: Final = 4  # tasks that wait: a cluster that grows with what is asked of it begins with them
_LOOK: Final = 0.2  # seconds between two looks
_SIZED: Final = 5.0  # seconds between two looks at how many CPUs there are
_SILENCE: Final = 30.0  # seconds without a CPU, before a word about it
_DEATHS: Final = 3  # of processes that had the same shard, on machines that live
_SHARE: Final = 0.25  # of the object stores, for photos that travel


@dataclass(slots=True, eq=False)
class Task:
    """A shard that is under way."""

    shard: Shard
    packed: bytes
    photos: int = 0
    errors: int = 0
    node: str = ""


@dataclass(slots=True, eq=False)
class Feed:
    """Shards on their way to the cluster: taken from a listing in a thread, because that may wait."""

    shards: Iterable[Shard]
    ready: Callable[[Shard], Task]
    over: threading.Event = field(default_factory=threading.Event)
    tasks: "queue.Queue[Task | BaseException | None]" = field(default_factory=lambda: queue.Queue(maxsize=1))

    def run(self) -> None:
        """Take all."""
        try:
            for shard in self.shards:
                if self.over.is_set():
                    return
                self._put(self.ready(shard))
            self._put(None)
        except BaseException as exc:  # noqa: BLE001 - raised where tasks are waited for
            self._put(exc)

    def _put(self, task: Task | BaseException | None) -> None:
        while not self.over.is_set():
            with suppress(queue.Full):
                self.tasks.put(task, timeout=_LOOK)
                return


class Engine(Protocol):
    """What sends a shard, and knows what to do with its end.

    Attributes:
        workers: shards under way at once; None: as many as the cluster has CPUs, and as many again that wait.
        say: told what somebody should know who waits.
    """

    workers: int | None
    say: Callable[[str], None]

    def send(self, packed: bytes) -> Any:  # noqa: ANN401 - Ray's
        """Give a shard to the cluster; return what tells of it."""

    def finish(self, done: on_node.Done, shard: Shard) -> Written:
        """Return what is written of a shard; write it where the node could not.

        Raises:
            BatchError: the node does not see the photos.
            StorageAway: OUT cannot be written, or all photos are gone.
        """


class Dispatch:
    """One call of `work`: what is under way."""

    def __init__(self, engine: Engine, cluster: Cluster, feed: Feed, stop: threading.Event, counted: Counted) -> None:
        self._engine, self._cluster, self._feed, self._stop, self._counted = engine, cluster, feed, stop, counted
        self._running: dict[Any, Task] = {}
        self._again: list[Task] = []
        self._deaths: Counter[int] = Counter()
        self._bytes = 0
        self._next: Task | None = None
        self._is_fed = False
        self._most, self._room, self._sized = _LEAST, 0.0, float("-inf")
        self._heard = time.monotonic()

    def results(self) -> Iterator[Written]:
        """Yield what is written, until there is nothing more."""
        try:
            while not self._stop.is_set():
                self._send()
                if not self._running:
                    if self._is_fed and self._next is None and not self._again:
                        return
                    continue
                yield from self._hear()
                self._mind_silence()
        except self._cluster.ray.exceptions.RayError as exc:
            raise BatchError(f"the Ray cluster is gone: {_line(exc)}. Run the same again to go on") from exc

    def _send(self) -> None:
        """Give the cluster as much as it may have."""
        self._size()
        while len(self._running) < self._most:
            if self._again:
                self._submit(self._again.pop())
                continue
            if self._next is None and not self._is_fed:
                with suppress(queue.Empty):
                    task = self._feed.tasks.get(timeout=0 if self._running else _LOOK)
                    if isinstance(task, BaseException):
                        raise task
                    self._next, self._is_fed = task, task is None
            if self._next is None or (self._running and self._bytes + len(self._next.packed) > self._room):
                return
            self._submit(self._next)
            self._next = None

    def _size(self) -> None:
        if time.monotonic() - self._sized < _SIZED:
            return
        self._sized = time.monotonic()
        self._room = _SHARE * self._cluster.store()
        self._most = self._engine.workers or max(_LEAST, 2 * int(self._cluster.cpus()[0]))

    def _submit(self, task: Task) -> None:
        if not self._running:
            self._heard = time.monotonic()
        reference = self._engine.send(task.packed)
        self._running[reference] = task
        self._bytes += len(task.packed)

    def _hear(self) -> Iterator[Written]:
        """Wait for news, and look at all that there is."""
        wait, under_way = self._cluster.ray.wait, list(self._running)
        ready, _ = wait(under_way, num_returns=1, timeout=_LOOK)
        if ready:
            ready, _ = wait(under_way, num_returns=len(under_way), timeout=0)
        for reference in ready:
            task = self._running[reference]
            try:
                said = self._cluster.ray.get(reference if self._cluster.by_client else next(reference))
            except StopIteration:
                self._end(reference)
                raise BatchError(
                    f"a task of the cluster ended without a word, with shard {task.shard.number}"
                ) from None
            except self._cluster.ray.exceptions.RayTaskError as exc:
                raise BatchError(f"a task of the cluster failed: {_line(exc.cause or exc)}") from exc
            except self._cluster.ray.exceptions.RayError as exc:
                self._end(reference)
                self._lose(task, exc)
                continue
            self._heard = time.monotonic()
            if written := self._take(reference, task, said):
                yield written

    def _take(self, reference: Any, task: Task, said: Any) -> Written | None:  # noqa: ANN401
        if isinstance(said, dict):  # before Sightserve is imported there
            if words := said.get("failed"):
                raise BatchError(str(words))
            task.node = str(said.get("node"))
        elif isinstance(said, on_node.Counted):
            self._count(task, *said)
        elif isinstance(said, on_node.Failed):
            raise (StorageAway if said.storage else BatchError)(said.words)
        elif isinstance(said, on_node.Done):
            self._end(reference)
            written = self._engine.finish(said, task.shard)
            asked = len(task.shard.wanted)
            if task.photos != asked:  # by Ray Client all counts come at once
                self._count(task, asked - task.photos, written.errors - task.errors)
            return written
        return None

    def _count(self, task: Task, photos: int, errors: int) -> None:
        task.photos, task.errors = task.photos + photos, task.errors + errors
        self._counted(photos, errors)

    def _end(self, reference: Any) -> None:  # noqa: ANN401
        self._bytes -= len(self._running.pop(reference).packed)

    def _lose(self, task: Task, exc: BaseException) -> None:
        """Have a shard done again whose process, or whose machine, was lost.

        Raises:
            BatchError: it was the shard's doing, as far as one can tell.
        """
        if not task.node or task.node in self._cluster.alive():
            self._deaths[task.shard.number] += 1
        if self._deaths[task.shard.number] >= _DEATHS:
            raise BatchError(
                f"{_DEATHS} processes of the cluster died, one after another, with shard {task.shard.number}, the last of: "
                f"{_line(exc)}. Have the nodes enough memory for a slot on each CPU?"
            )
        self._count(task, -task.photos, -task.errors)
        task.node = ""
        self._again.append(task)

    def _mind_silence(self) -> None:
        """Say what is waited for, where no task has a CPU."""
        if any(task.node for task in self._running.values()) or time.monotonic() - self._heard < _SILENCE:
            return
        self._heard = time.monotonic()
        cpus, free = self._cluster.cpus()
        self._engine.say(
            f"no shard has begun for {_SILENCE:.0f} s: the cluster {self._cluster.address} has {cpus:g} CPUs, {free:g} of "
            "them free, and each shard needs one; waiting"
        )


def _line(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:300] or type(exc).__name__
