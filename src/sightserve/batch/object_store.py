"""OUT in an object store, and photos' bytes from one: whatever fsspec reaches."""

from collections.abc import Iterator

from sightserve.batch.clouds.cloud import Cloud
from sightserve.batch.clouds.faults import CloudError, Fault, TooLargeError
from sightserve.batch.clouds.opening import locate
from sightserve.batch.clouds.patience import PATIENT, Patience
from sightserve.batch.errors import StorageAway, Unreadable
from sightserve.batch.photo import MOST_BYTES

_OF_THE_PHOTO = frozenset({Fault.DENIED, Fault.OTHER})


class ObjectStore:
    """A place for results below an address, as `store.Store` describes it."""

    def __init__(self, address: str, *, patience: Patience = PATIENT) -> None:
        """Make no request yet; raises BatchError as `locate` does."""
        self.address = address.rstrip("/")
        self._cloud, key = locate(self.address)
        self._top = f"{key.rstrip('/')}/" if key else ""
        self._patience = patience

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder; asked of the store each time."""
        prefix = f"{self._top}{folder}/" if folder else self._top
        try:
            for key in self._cloud.keys(prefix, "", deep=False, patience=self._patience, first=self._patience):
                name = key.removeprefix(prefix)
                if name and not name.startswith("."):  # a draft: see `Elsewhere.put`
                    yield name
        except CloudError as exc:
            if exc.fault is not Fault.GONE:
                raise self._away(exc) from exc

    def read(self, name: str) -> bytes:
        """Return a file's bytes; raises FileNotFoundError, StorageAway."""
        try:
            return self._patience.ask(lambda: self._cloud.get(self._top + name, 0, None), self._cloud.judge)
        except CloudError as exc:
            if exc.fault is Fault.GONE:
                raise FileNotFoundError(f"{self.address}/{name}") from exc
            raise self._away(exc) from exc

    def write(self, name: str, data: bytes) -> None:
        """Put a file there with one request; raises StorageAway."""
        try:
            self._patience.ask(lambda: self._cloud.put(self._top + name, data), self._cloud.judge)
        except CloudError as exc:
            raise self._away(exc) from exc

    def _away(self, error: CloudError) -> StorageAway:
        return StorageAway(away(self._cloud, error))


def read_url(address: str, start: int = 0, size: int | None = None, *, patience: Patience = PATIENT) -> bytes:
    """Return bytes of what an address names, at most `MOST_BYTES`: from `start` on, `size` of them or all.

    Raises:
        Unreadable: this one is not there, not for us, or too large.
        StorageAway: where it is cannot be reached, or does not let us in.
        BatchError: what is needed for its kind of store is not installed.
    """
    cloud, key = locate(address)
    if size == 0:
        return b""
    try:
        data = patience.ask(lambda: cloud.get(key, start, size), cloud.judge)
    except CloudError as exc:
        if isinstance(exc.__cause__, TooLargeError):
            raise Unreadable(
                "payload_too_large", f"It has more than {MOST_BYTES:,} bytes: no photo may have more."
            ) from exc
        if exc.fault is Fault.GONE:
            raise Unreadable("file_not_found", f"There is no such object (any more): {exc}") from exc
        if exc.fault in _OF_THE_PHOTO or not cloud.shared:
            raise Unreadable("unreadable_file", f"It cannot be read: {exc}") from exc
        raise StorageAway(away(cloud, exc)) from exc
    if size is not None and len(data) < size:
        raise Unreadable("unreadable_file", "Its file ends before it does: it is cut, or was written anew meanwhile.")
    return data


def away(cloud: Cloud, error: CloudError) -> str:
    """Return in words that a whole store is away, and what to look at."""
    what = {
        Fault.BUSY: "cannot be reached, or is too busy; when it is there again, run the same command",
        Fault.REFUSED: "does not take our credentials or settings; put them right and run the same command",
        Fault.NO_BUCKET: "is not there: no such bucket",
        Fault.DENIED: "does not let us: these credentials have no right to it",
    }.get(error.fault, "cannot be used")
    return f"{cloud.at} {what} ({error})"
