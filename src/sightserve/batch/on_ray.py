"""Many machines: shards -> [a Ray task each, in a worker process that keeps its slot] -> files in OUT. See `on_node`.

Paths travel and pixels never do, except those of compressed archives. A shard is the same bytes whoever writes it and however
often, so that what is lost with a machine is sent again.
"""

import pickle
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import sightserve
from sightserve.backend.settings import Settings
from sightserve.batch import on_node
from sightserve.batch.cluster import Cluster
from sightserve.batch.dispatch import Dispatch, Feed, Task
from sightserve.batch.errors import BatchError, Unreadable
from sightserve.batch.on_node import TOKEN, Kit, pack
from sightserve.batch.photo import is_url
from sightserve.batch.reading import read
from sightserve.batch.shards import decode
from sightserve.batch.store import Store
from sightserve.batch.task import classifying, last_of
from sightserve.batch.work import Counted, Output, Shard, Written
from sightserve.bundle.manifest import Bundle

_DOUBTED: Final = 20  # missing photos of a shard that are looked for here
_MISSING: Final = frozenset({"file_not_found", "unreadable_file"})


class OnRay:
    """A cluster; an `Engine`. Joined with the first work, left with `close`."""

    def __init__(
        self,
        address: str,
        bundle: Bundle,
        settings: Settings,
        output: Output,
        store: Store,
        *,
        readers: int,
        workers: int | None = None,
        streams: bool = False,
        check: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = lambda _words: None,
    ) -> None:
        """Take note of what to do; see `slots.Worker`.

        Args:
            address: see `Cluster`.
            bundle: the model.
            settings: of the backend.
            output: how rows become a file.
            store: where it goes.
            readers: threads that read photos for each slot.
            workers: shards under way at once; None: as many as there are CPUs, and as many again that wait.
            streams: photos can be read here alone, and their bytes travel.
            check: raises StorageAway where all photos are gone.
            say: told what somebody should know who waits.
        """
        self._address, self._settings, self._output, self._store = address, settings, output, store
        self.workers, self.say = workers, say
        self._streams, self._check = streams, check
        whole = replace(
            bundle,
            model_bytes=bytes(bundle.model_bytes),
            external_data={name: bytes(data) for name, data in bundle.external_data.items()},
            class_map=bytes(bundle.class_map),
            samples=(),
        )
        self._token = secrets.token_hex(16)
        one = settings.model_copy(update={"cpus": 1})
        self._kit = Kit(whole, one, output, store.address, self._token, readers)
        self._cluster: Cluster | None = None
        self._remote: Any = None
        self._sent: list[Any] = []  # the kit, in a list: what stands in one is fetched by who needs it
        self._told_far = False

    def start(self) -> Cluster:
        """Join the cluster.

        Raises:
            BatchError: it cannot be joined.
            StorageAway: OUT cannot be written.
        """
        if self._cluster is None:
            kit = pickle.dumps(self._kit, pickle.HIGHEST_PROTOCOL)
            self._cluster = Cluster(self._address, cpus=self.workers or self._settings.cpus, store=len(kit))
            ray = self._cluster.ray
            self._store.write(TOKEN, self._token.encode())
            self._sent = [ray.put(kit)]
            returns: dict[str, Any] = {} if self._cluster.by_client else {"num_returns": "streaming"}
            # a shard that is lost is sent again here, where it is known whether its machine is lost too
            work = last_of(classifying()) if self._cluster.by_client else classifying()
            self._remote = ray.remote(num_cpus=1, max_retries=0, **returns)(work)
        return self._cluster

    def close(self) -> None:
        """Leave the cluster."""
        if self._cluster is not None:
            self._cluster.leave()
            self._cluster = None

    def work(self, shards: Iterable[Shard], stop: threading.Event, counted: Counted) -> Iterator[Written]:
        """See Engine."""
        cluster = self.start()
        feed = Feed(shards, self._ready)
        feeding = threading.Thread(target=feed.run, name="feed", daemon=True)
        feeding.start()
        try:
            yield from Dispatch(self, cluster, feed, stop, counted).results()
        finally:
            feed.over.set()
            feeding.join()

    def send(self, packed: bytes) -> Any:  # noqa: ANN401 - Ray's
        """See dispatch.Engine."""
        return self._remote.remote(sightserve.__version__, self._token, self._sent, packed)

    def _ready(self, shard: Shard) -> Task:
        """Return a shard as it travels, with its photos' bytes where they can be had here alone."""
        sent = shard
        if self._streams:
            sent = shard._replace(photos=tuple(_with_data(photo) for photo in shard.photos))
        return Task(shard, pack(sent))

    def finish(self, done: on_node.Done, shard: Shard) -> Written:
        """See dispatch.Engine."""
        if done.data is None:
            return done.written
        if done.doubtful:
            self._look_for_missing(done, shard)
        elif not self._told_far:
            self._told_far = True
            self.say(
                f"{done.host} does not reach {self._store.address}: its answers come here, and are written from here"
            )
        self._store.write(self._output.name(shard.number), done.data)
        return done.written

    def _look_for_missing(self, done: on_node.Done, shard: Shard) -> None:
        self._check()
        found = decode(done.data or b"", self._output.form, ["error_code"])
        missing = [photo for photo, row in zip(shard.photos, found, strict=True) if row["error_code"] in _MISSING]
        for photo in [photo for photo in missing if not is_url(photo.address)][:_DOUBTED]:
            with suppress(Unreadable):
                read(photo)
                raise BatchError(
                    f"{done.host}, a node of the cluster, cannot read {photo.address}, which is there: put the "
                    "photos where all nodes see them under the same path: a network file system, or an object store"
                )


def _with_data(photo: Any) -> Any:  # noqa: ANN401
    with suppress(Unreadable):  # the node finds out the same
        return photo._replace(data=read(photo), start=0)
    return photo
