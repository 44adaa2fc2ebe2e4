"""What an engine is handed, shard by shard, and what it hands back; the same on this machine and on many."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple, Protocol

from sightserve.api.rows import Row
from sightserve.batch.photo import Photo
from sightserve.batch.shards import Format, encode, name_of
from sightserve.batch.store import Store

Counted = Callable[[int, int], None]  # told of so many photos more, and how many of them are errors


class Shard(NamedTuple):
    """Photos whose rows become one file.

    Attributes:
        number: of the shard.
        photos: in the order of the rows.
        rows: that are there already, where only errors are asked again; None: there are none.
    """

    number: int
    photos: tuple[Photo, ...]
    rows: tuple[Row, ...] | None = None

    @property
    def wanted(self) -> list[int]:
        """Which of the photos are to be asked about."""
        if self.rows is None:
            return list(range(len(self.photos)))
        return [index for index, row in enumerate(self.rows) if row["status"] == "error"]


class Written(NamedTuple):
    """A shard that is there, for good."""

    number: int
    photos: int
    errors: int


@dataclass(frozen=True, slots=True)
class Output:
    """How rows become a file.

    Attributes:
        labels: ranked ones of a row.
        form: of the file.
        about: kept in a Parquet's metadata.
    """

    labels: int
    form: Format
    about: dict[str, str] = field(default_factory=dict)

    def name(self, number: int) -> str:
        """Return the name of a shard's file."""
        return name_of(number, self.form)

    def file(self, rows: Iterable[Row]) -> bytes:
        """Return a shard's file."""
        return encode(list(rows), self.labels, self.form, self.about)

    def write(self, store: Store, number: int, rows: list[Row]) -> Written:
        """Put a shard in its place.

        Raises:
            StorageAway: it cannot be written.
        """
        store.write(self.name(number), self.file(rows))
        return Written(number, len(rows), sum(row["status"] == "error" for row in rows))


class Engine(Protocol):
    """What classifies shards: slots on this machine, or a cluster."""

    def work(self, shards: Iterable[Shard], stop: Event, counted: Counted) -> Iterator[Written]:
        """Classify shards and write them; yield each that is there, in any order.

        Ends early, without those under way, once `stop` is set.

        Args:
            shards: taken when there is a place for one, in a thread.
            stop: see above.
            counted: told of photos as they are done; in any thread.

        Raises:
            BatchError: the work cannot go on; StorageAway where that is the storage's doing.
        """
