"""A node of a cluster: a shard, as it travelled -> [a slot of this process's own] -> its file in OUT, or back with the answer.

What runs here never came with the task: the node has Sightserve installed, of the version that asks.
"""

import pickle
import platform
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sightserve.backend.settings import Settings
from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.photo import Photo
from sightserve.batch.slots import Worker
from sightserve.batch.store import open_store
from sightserve.batch.work import Output, Shard, Written
from sightserve.bundle.manifest import Bundle

TOKEN: Final = "_job/cluster"  # noqa: S105 - no secret: in OUT, what tells a run's own place from one of the same name
_TELL: Final = 1.0  # seconds between two counts


class Kit(NamedTuple):
    """All that a worker is made of; it travels once to each node.

    Attributes:
        output: how rows become a file.
        out: address of the place for them.
        token: of the run, what stands in `TOKEN` there.
        readers: threads that read photos for a slot.
    """

    bundle: Bundle
    settings: Settings
    output: Output
    out: str
    token: str
    readers: int


class Counted(NamedTuple):
    """So many photos more are done, so many of them errors."""

    photos: int
    errors: int


class Done(NamedTuple):
    """A shard is done.

    Attributes:
        written: what is in it.
        data: its file, where it has not been written here; None: it has.
        doubtful: photos are missing here, and somebody else may know better.
        host: this machine's name.
    """

    written: Written
    data: bytes | None
    doubtful: bool
    host: str


class Failed(NamedTuple):
    """The work cannot go on."""

    words: str
    storage: bool


Said = Counted | Done | Failed


def pack(shard: Shard) -> bytes:
    """Return a shard as it travels: paths that are alike become so little that the object store need not hold it."""
    told = (shard.number, [tuple(photo) for photo in shard.photos], shard.rows)
    return zlib.compress(pickle.dumps(told, pickle.HIGHEST_PROTOCOL), level=1)


def unpack(data: bytes) -> Shard:
    """Return what was packed. It comes from who started the job, as the code of any task of a cluster does."""
    number, photos, rows = pickle.loads(zlib.decompress(data))  # noqa: S301
    return Shard(number, tuple(Photo(*photo) for photo in photos), rows)


class _Place:
    """OUT, where it is the run's own; what cannot be written there is kept, to go back with the answer."""

    def __init__(self, kit: Kit) -> None:
        self.address = kit.out
        self.doubtful = False
        self.kept: bytes | None = None
        self._token = kit.token.encode()

    def doubt(self) -> None:
        self.doubtful = True

    def write(self, name: str, data: bytes) -> None:
        """Put a shard there; looked at each time, because a disk of another machine comes and goes."""
        if not self.doubtful:
            try:
                store = open_store(self.address)
                if store.read(TOKEN) == self._token:
                    store.write(name, data)
                    return
            except (BatchError, OSError):
                pass  # whoever asked finds out whether OUT is at fault
        self.kept = data

    def names(self, folder: str) -> Iterator[str]:
        """See Store."""
        return open_store(self.address).names(folder)

    def read(self, name: str) -> bytes:
        """See Store."""
        return open_store(self.address).read(name)


class _Here:
    """What this process keeps from one task to the next."""

    token = ""
    worker: Worker
    place: _Place


def classify(token: str, kit: Callable[[], Any], packed: bytes) -> Iterator[Said]:
    """Classify a shard; yield how far it is, and at last what became of it.

    Args:
        token: of the run; another one ends the slot that is there.
        kit: returns the pickled `Kit`.
        packed: the shard.
    """
    if _Here.token != token:
        if _Here.token:
            _Here.worker.close()
        _Here.token = ""
        made: Kit = pickle.loads(kit())  # noqa: S301 - see unpack
        _Here.place = _Place(made)
        _Here.worker = Worker(
            made.bundle, made.settings, made.output, _Here.place, readers=made.readers, check=_Here.place.doubt
        )
        _Here.token = token
    place, shard = _Here.place, unpack(packed)
    place.doubtful, place.kept = False, None
    news: queue.Queue[Said] = queue.Queue()
    over = threading.Event()

    def work() -> None:
        try:
            for written in _Here.worker.work([shard], over, lambda photos, errors: news.put(Counted(photos, errors))):
                news.put(Done(written, place.kept, place.doubtful, platform.node()))
        except BatchError as exc:
            news.put(Failed(f"{exc}", isinstance(exc, StorageAway)))
        except BaseException as exc:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            news.put(Failed(f"{type(exc).__name__}: {exc}", storage=False))

    thread = threading.Thread(target=work, name="shard", daemon=True)
    thread.start()
    try:
        yield from _summed(news)
    finally:
        over.set()
        thread.join()


def _summed(news: "queue.Queue[Said]") -> Iterator[Said]:
    """Yield counts not more often than somebody looks, and the end."""
    photos, errors, due = 0, 0, time.monotonic() + _TELL
    while True:
        said = news.get()
        if isinstance(said, Counted):
            photos, errors = photos + said.photos, errors + said.errors
        if photos and (time.monotonic() >= due or not isinstance(said, Counted)):
            yield Counted(photos, errors)
            photos, errors, due = 0, 0, time.monotonic() + _TELL
        if not isinstance(said, Counted):
            yield said
            return
