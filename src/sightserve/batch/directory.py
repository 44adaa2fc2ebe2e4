"""OUT in a file system: written under another name, synced, renamed."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sightserve.batch.errors import BatchError, StorageAway

_LOCK: Final = "_job/lock"
_UNFINISHED: Final = ".unfinished"


class Directory:
    """A folder; see `store.Store`."""

    def __init__(self, address: str) -> None:
        """Name it.

        Raises:
            BatchError: there is something of this name that is no folder.
        """
        self._root = Path(address).absolute()
        self.address = str(self._root)
        if self._root.exists() and not self._root.is_dir():
            raise BatchError(f"{address} is a file: the answers go into a folder of many of them")

    def names(self, folder: str) -> Iterator[str]:
        """See Store."""
        try:
            with os.scandir(self._root / folder) as entries:
                yield from (entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as exc:
            raise _away(self.address, exc) from exc

    def read(self, name: str) -> bytes:
        """See Store."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise _away(self.address, exc) from exc

    def write(self, name: str, data: bytes) -> None:
        """See Store."""
        target = self._root / name
        written = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_UNFINISHED}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with written.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                written.replace(target)
            except BaseException:
                with suppress(OSError):
                    written.unlink()
                raise
            _sync_folder(target.parent)
        except OSError as exc:
            raise _away(self.address, exc) from exc

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be alone at work in this folder, and clear away what a run that was killed had not finished.

        Raises:
            BatchError: somebody else is.
            StorageAway: the folder cannot be made.
        """
        import fcntl  # noqa: PLC0415 - POSIX only

        try:
            (self._root / _LOCK).parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise _away(self.address, exc) from exc
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise BatchError(f"another run is at work in {self.address}: end it first, or wait for it") from exc
            except OSError:  # a file system without locks: two runs would do the same work twice, and harm nothing
                pass
            for folder in ("", "_job", "_job/listing", "_job/runs"):
                for left in (self._root / folder).glob(f".*{_UNFINISHED}"):
                    with suppress(OSError):
                        left.unlink()
            yield
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _away(address: str, exc: OSError) -> StorageAway:
    why = "the disk is full" if exc.errno in {errno.ENOSPC, errno.EDQUOT} else exc.strerror or str(exc)
    return StorageAway(
        f"{address} cannot be used: {why}. Nothing that is done is lost: mend it, and run the same again"
    )
