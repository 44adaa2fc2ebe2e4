"""IN in an object store: the keys below a prefix, in their order, page by page; only the page at hand is in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from sightserve.batch.clouds.cloud import Cloud
from sightserve.batch.clouds.faults import CloudError, Fault
from sightserve.batch.clouds.opening import locate
from sightserve.batch.clouds.patience import BRIEF, PATIENT, Patience
from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.object_store import away
from sightserve.batch.photo import Photo, order
from sightserve.imaging.formats import is_photo_name


@dataclass
class Bucket:
    """A folder of a bucket, all of it, or one object; a `sources.Source`.

    Attributes:
        prefix: of its keys; ends in `/` unless it is empty.
        every_file: what does not have a photo's name comes too.
        first: patience until the store has answered once.
    """

    address: str
    cloud: Cloud
    key: str
    every_file: bool
    patience: Patience
    first: Patience
    streams: bool = False

    @property
    def prefix(self) -> str:
        """Return how the keys of its photos begin; a folder's `/` is part of it."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        """Yield the photos below the prefix."""
        try:
            if self._is_one():
                photo = Photo(self.key.rpartition("/")[2], self.cloud.at + self.key)
                yield from [] if after else [photo]
                return
            anything = after is not None
            for key in self._keys(after):
                anything = True
                yield Photo(key.removeprefix(self.prefix), self.cloud.at + key)
        except CloudError as exc:
            raise self._error(exc) from exc
        if not anything:
            raise BatchError(self._nothing())

    def check(self) -> None:
        """Ask for the first page of keys."""
        try:
            next(self.cloud.keys(self.prefix, "", deep=True, patience=self.patience, first=self.patience), None)
        except CloudError as exc:
            raise StorageAway(away(self.cloud, exc)) from exc

    def _is_one(self) -> bool:
        """Return whether the address is that of an object rather than of a folder."""
        named = self.key and not self.key.endswith("/") and (self.every_file or is_photo_name(self.key))
        return bool(named) and self.first.ask(lambda: self.cloud.exists(self.key), self.cloud.judge)

    def _keys(self, after: Photo | None) -> Iterator[str]:
        """Yield the photos' keys behind one, in the order of their bytes."""
        start = self.prefix + after.name if after else ""
        sorts = self.first.ask(self.cloud.sorts, self.cloud.judge)
        listed = self.cloud.keys(self.prefix, start, deep=True, patience=self.patience, first=self.first)
        wanted = (key for key in listed if self._wants(key))
        if not sorts:
            from sightserve.batch.sources.ordered import ordered  # noqa: PLC0415 - few stores need it

            wanted = (
                name.decode("utf-8", "surrogateescape") for name, _ in ordered((order(key), b"") for key in wanted)
            )
        last = b""
        for key in wanted:
            place = order(key)
            if place <= last:
                raise BatchError(
                    f"{self.cloud.at} does not list its keys in their order ({key!r} after {last.decode(errors='replace')!r}): "
                    "photos could be lost. Give a listing of them instead: a text file with an address a line."
                )
            last = place
            if place > order(start):
                yield key

    def _wants(self, key: str) -> bool:
        name = key.removeprefix(self.prefix)
        return bool(name) and not name.endswith("/") and (self.every_file or is_photo_name(name))

    def _error(self, error: CloudError) -> BatchError:
        if error.fault in {Fault.BUSY, Fault.REFUSED}:
            return StorageAway(away(self.cloud, error))
        if error.fault is Fault.GONE and not self.cloud.at.endswith(":///"):
            return BatchError(f"{self.address} is not there ({error})")
        if error.fault is Fault.DENIED:
            return BatchError(f"{self.address} cannot be listed: these credentials have no right to ({error})")
        return BatchError(away(self.cloud, error))

    def _nothing(self) -> str:
        what = "file" if self.every_file else "photo"
        return f"no {what} is in {self.address}: no key below {self.prefix or 'it'} has a photo's name"


def open_bucket(address: str, *, every_file: bool, patience: Patience = PATIENT, first: Patience = BRIEF) -> Bucket:
    """Return a bucket's photos, or those of a folder of it; it is not asked yet.

    Raises:
        BatchError: it names no bucket, or what its kind needs is not installed.
    """
    cloud, key = locate(address)
    return Bucket(address, cloud, key, every_file, patience, first)
