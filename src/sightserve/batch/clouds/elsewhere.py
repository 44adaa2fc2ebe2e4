"""What else fsspec reaches, by a tree of folders: `sftp://`, `hf://`, `memory://`, `file://`; and single addresses, `https://`."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fsspec.core import url_to_fs

from sightserve.batch.clouds import faults
from sightserve.batch.clouds.faults import CloudError, Fault, TooLargeError
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.photo import MOST_BYTES, order

_OF_ONE_HOST_EACH: Final = frozenset({"http", "https"})


@dataclass(frozen=True)
class Elsewhere:
    """A server, or what stands for one; a key is all that follows `://`."""

    fs: Any
    protocol: str
    at: str

    @property
    def shared(self) -> bool:
        """Return whether all addresses are of one server."""
        return self.protocol not in _OF_ONE_HOST_EACH

    def sorts(self) -> bool:
        """Return whether it lists in the order of the keys' bytes."""
        return True

    def keys(self, prefix: str, after: str, *, deep: bool, patience: Patience, first: Patience) -> Iterator[str]:
        """Yield the keys that begin with a prefix."""
        for name in first.ask(lambda: self._entries(prefix), self.judge):
            if not name.endswith("/"):
                yield prefix + name
            elif deep and self._reaches(prefix + name, after):
                try:
                    yield from self.keys(prefix + name, after, deep=True, patience=patience, first=patience)
                except CloudError as exc:
                    if exc.fault is not Fault.GONE:  # since it was listed
                        raise

    def _reaches(self, folder: str, after: str) -> bool:
        """Return whether anything in this folder can come after a key."""
        return order(folder) >= order(after) or after.startswith(folder)

    def _entries(self, folder: str) -> list[str]:
        """Return what is in a folder, in the order of whole keys: folders have a `/`. Links to folders are not followed."""
        path = self._path(folder)
        names = []
        for entry in self.fs.ls(path, detail=True):
            at, kind = str(entry["name"]).rstrip("/"), entry["type"]
            name = at.rpartition("/")[2]
            if kind == "directory" and not entry.get("islink"):
                names.append(f"{name}/")
            elif kind in {"file", "link"} and at != path.rstrip("/"):
                names.append(name)
        return sorted(names, key=order)

    def _path(self, key: str) -> str:
        return str(self.fs._strip_protocol(self.at + key))

    def exists(self, key: str) -> bool:
        """Return whether there is an object of this key."""
        return bool(self.fs.isfile(self._path(key)))

    def get(self, key: str, start: int, size: int | None) -> bytes:
        """Return an object's bytes, or some of them."""
        most = MOST_BYTES + 1 if size is None else min(size, MOST_BYTES + 1)
        chunks, held = [], 0
        with self.fs.open(self._path(key), "rb") as file:
            if start:
                file.seek(start)
            while held < most and (chunk := file.read(most - held)):  # a stream gives what has come
                chunks.append(chunk)
                held += len(chunk)
        if held > MOST_BYTES:
            raise TooLargeError
        return b"".join(chunks)

    def put(self, key: str, data: bytes) -> None:
        """Not all of these put a file there at once: it is written under another name, and renamed."""
        folder, _, name = key.rpartition("/")
        self.fs.makedirs(self._path(folder), exist_ok=True)
        draft = self._path(f"{folder}/.{name}.{secrets.token_hex(4)}" if folder else f".{name}.{secrets.token_hex(4)}")
        try:
            self.fs.pipe_file(draft, data)
            self.fs.mv(draft, self._path(key))
        except BaseException:
            if self.fs.exists(draft):
                self.fs.rm(draft)
            raise

    def judge(self, error: BaseException) -> tuple[Fault, str]:
        """Return whose fault an error is, and what to say."""
        return faults.judge(error)


def open_elsewhere(address: str) -> tuple[Elsewhere, str]:
    """Return the server of an address, and the path there.

    Raises:
        ImportError, ValueError: nothing of this kind is known, or installed.
    """
    protocol, _, path = address.partition("://")
    # the server alone: `::` is fsspec's own in an address, and letters in a name
    fs, _ = url_to_fs(f"{protocol}://{path.partition('/')[0]}", use_listings_cache=False)
    return Elsewhere(fs, protocol, f"{protocol}://"), path
