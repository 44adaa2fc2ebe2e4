"""A job as it stands in OUT: what it is to do, what it has found, what is done. Whoever opens it goes on from there.

    part-00042.parquet           a shard; one that is there is done
    _job/job.json                the terms: another model, or other settings, are another job
    _job/listing/00042.json.gz   the photos of that shard, written down before they are worked on
    _job/listed.json             how many there are; written when all are found
    _job/runs/*.json             how long each run took, for how many photos

What readers of tables (pyarrow, Spark) look for in a folder are the shards alone: they pass over names that begin with `_`.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from sightserve.batch.errors import BatchError
from sightserve.batch.photo import Photo
from sightserve.batch.shards import Format, name_of, number_of
from sightserve.batch.store import Store

_JOB: Final = "_job/job.json"
_LISTED: Final = "_job/listed.json"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """All that decides what stands in the shards; two runs of one job have the same.

    Attributes:
        source: where the photos are: an absolute path, or a URL.
        model: its name and version.
        sha256: of the model's graph and of how it sees a photo.
        top_k: ranked labels of a row.
        shard_rows: photos of a shard.
        form: of the shards.
        every_file: files are taken whatever they are called.
        max_pixels: of one photo.
        together: photos that go through the network together: in a float network, one photo's last bits depend on the others.
    """

    source: str
    model: str
    sha256: str
    top_k: int
    shard_rows: int
    form: Format
    every_file: bool
    max_pixels: int
    together: int


_WORDS: Final = {
    "source": "photos from {}",
    "model": "answers of the model {}",
    "sha256": "answers of a model of the same name that has other files ({:.12})",
    "top_k": "--top-k {}",
    "shard_rows": "--shard-rows {}",
    "form": "--format {}",
    "every_file": "--every-file: {}",
    "max_pixels": "SIGHTSERVE_MAX_PIXELS {}",
    "together": "batches of {}",
}


class Listed(NamedTuple):
    """What there is to do in all, once that is known."""

    photos: int
    shards: int


class Job:
    """One job in OUT.

    Attributes:
        terms: see there.
        base: what relative paths of a listing are relative to; empty where there are none.
        recorded: of how many shards the photos are written down.
        done: the shards that are there.
        listed: what there is to do; None: not all are found.
    """

    def __init__(self, store: Store, terms: Terms, base: str, *, is_new: bool = False) -> None:
        """Take note of what is there; `open_job` makes one."""
        self.terms, self.base = terms, base
        self._is_new = is_new
        self._store = store
        found = {
            int(name.partition(".")[0]) for name in store.names("_job/listing") if name.partition(".")[0].isdecimal()
        }
        self.recorded = 0
        while self.recorded in found:
            self.recorded += 1
        numbers = (number_of(name, terms.form) for name in store.names(""))
        self.done = {number for number in numbers if number is not None}
        told = _read(store, _LISTED)
        self.listed = Listed(told["photos"], told["shards"]) if told else None

    @property
    def is_complete(self) -> bool:
        """Whether every photo that was found has its row."""
        return self.listed is not None and self.done.issuperset(range(self.listed.shards))

    @property
    def photos_done(self) -> int:
        """How many photos have their row."""
        if self.listed is None:
            return len(self.done) * self.terms.shard_rows
        rest = self.listed.photos - (self.listed.shards - 1) * self.terms.shard_rows
        missing = self.listed.shards - 1 not in self.done
        return (len(self.done) - (not missing)) * self.terms.shard_rows + (0 if missing else rest) if self.done else 0

    def photos(self, number: int) -> list[Photo]:
        """Return the photos of a shard that are written down."""
        rows = json.loads(gzip.decompress(self._store.read(_record(number))))
        return [
            Photo(name, address, member, start, size, fault=fault) for name, address, member, start, size, fault in rows
        ]

    def record(self, number: int, photos: Sequence[Photo]) -> None:
        """Write down the photos of the next shard."""
        rows = [(photo.name, photo.address, photo.member, photo.start, photo.size, photo.fault) for photo in photos]
        if self._is_new:  # not before: who mistyped IN has begun nothing
            told = {"version": _VERSION, "base": self.base, "terms": asdict(self.terms)}
            self._store.write(_JOB, json.dumps(told, indent=1).encode())
            self._is_new = False
        data = gzip.compress(json.dumps(rows).encode("ascii"), compresslevel=1, mtime=0)
        self._store.write(_record(number), data)
        self.recorded = max(self.recorded, number + 1)

    def end_listing(self, photos: int, shards: int) -> None:
        """Write down that all are found."""
        self.listed = Listed(photos, shards)
        self._store.write(_LISTED, json.dumps(self.listed._asdict()).encode())

    def shard(self, number: int) -> bytes:
        """Return the file of a shard that is there."""
        return self._store.read(name_of(number, self.terms.form))

    def record_run(self, name: str, told: dict[str, Any]) -> None:
        """Keep how a run went, in the place of what it said before."""
        self._store.write(f"_job/runs/{name}.json", json.dumps(told).encode())

    def runs(self) -> list[dict[str, Any]]:
        """Return how each run went, in the order in which they began."""
        return [json.loads(self._store.read(f"_job/runs/{name}")) for name in sorted(self._store.names("_job/runs"))]


def open_job(store: Store, terms: Terms, base: str) -> Job:
    """Return the job of these terms in this place: a new one, or the one that was begun there.

    Raises:
        BatchError: another job was begun there; or there are other files.
        StorageAway: the place cannot be reached.
    """
    told = _read(store, _JOB)
    if told is None:
        if any(number_of(name, terms.form) is not None for name in store.names("")):
            raise BatchError(f"{store.address} has shards and no job.json: give a place of its own to each job")
        return Job(store, terms, base, is_new=True)
    begun = _terms(told, store.address)
    for name, was in asdict(begun).items():
        if was != (now := getattr(terms, name)):
            says = f"{_WORDS[name].format(was)}, not {_WORDS[name].format(now)}"
            raise BatchError(f"{store.address} was begun with {says}: give another place for the answers")
    return Job(store, begun, told["base"])


def find_job(store: Store) -> Job:
    """Return the job in this place.

    Raises:
        BatchError: there is none.
        StorageAway: the place cannot be reached.
    """
    told = _read(store, _JOB)
    if told is None:
        raise BatchError(f"there is no job in {store.address}: `sightserve batch IN {store.address}` begins one")
    return Job(store, _terms(told, store.address), told["base"])


def base_of(store: Store) -> str | None:
    """Return what relative paths are relative to in the job in this place; None: there is none yet.

    Raises:
        StorageAway: the place cannot be reached.
    """
    told = _read(store, _JOB)
    return str(told["base"]) if told and isinstance(told.get("base"), str) else None


def _terms(told: dict[str, Any], address: str) -> Terms:
    try:
        if told["version"] != _VERSION:
            raise BatchError(f"the job in {address} was begun by another version of Sightserve: give another place")
        return Terms(**told["terms"])
    except (KeyError, TypeError) as exc:
        raise BatchError(f"job.json in {address} is damaged: give another place for the answers") from exc


def _record(number: int) -> str:
    return f"_job/listing/{number:05d}.json.gz"


def _read(store: Store, name: str) -> dict[str, Any] | None:
    try:
        told = json.loads(store.read(name))
    except FileNotFoundError:
        return None
    except ValueError as exc:
        raise BatchError(f"{name} in {store.address} is damaged: give another place for the answers") from exc
    if not isinstance(told, dict):
        raise BatchError(f"{name} in {store.address} is damaged: give another place for the answers")
    return told
