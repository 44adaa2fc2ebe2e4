"""An address -> [a file that is one, opened without waiting for anybody] -> whoever reads it."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from sightserve.batch.errors import BatchError, StorageAway, Unreadable
from sightserve.batch.photo import is_url
from sightserve.installing import more

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# What the whole disk or share answers, never one file on it.
_AWAY: Final = frozenset(
    {
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ENODEV,
        errno.ETIMEDOUT,
        errno.ESHUTDOWN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
    }
)
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # this process's or this machine's limits
_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_EXTRAS: Final = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}


def failure(exc: OSError, address: str) -> Unreadable | StorageAway:
    """Return what an error of the operating system is: of this photo, or of all that lie there."""
    words = exc.strerror or str(exc)
    if exc.errno in _AWAY:
        return StorageAway(f"{address} cannot be reached ({words}): once it can, run the same command again to go on")
    if exc.errno in _OURS:
        return StorageAway(
            f"this machine has reached a limit ({words}) at {address}: see `ulimit -a`, then run it again"
        )
    if exc.errno in _NOT_THERE:
        return Unreadable("file_not_found", "There is no such file (any more).")
    return Unreadable("unreadable_file", f"It cannot be read: {words}.")


def raise_if_away(exc: OSError, address: str) -> None:
    """Raise StorageAway where an error is not that of one file or folder."""
    known = failure(exc, address)
    if isinstance(known, StorageAway):
        raise known from exc


def open_file(path: str) -> io.FileIO:
    """Open a regular file on this machine; nothing else is opened: a FIFO waits for ever, a tape drive rewinds.

    Raises:
        Unreadable: it is not there, is no file, or may not be read.
        StorageAway: its disk or share is not there.
    """
    try:
        _must_be_file(Path(path).stat())
        # in between, another may have taken its place: neither does that one make us wait
        file = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC))
    except ValueError:
        raise Unreadable("file_not_found", "There is no such file: no file's name has a NUL character in it.") from None
    except OSError as exc:
        raise failure(exc, path) from exc
    try:
        _must_be_file(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def _must_be_file(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable("unreadable_file", "It is a folder, not a file.")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("unreadable_file", "It is no ordinary file: a pipe, a socket or a device.")


def open_any(address: str) -> BinaryIO:
    """Open a file on this machine or, by its URL, elsewhere; it is read sequentially, or with `seek`.

    Raises:
        Unreadable: it is not there, or may not be read.
        StorageAway: where it is cannot be reached; reading on may raise this, too.
        BatchError: nothing here knows such URLs.
    """
    raw = _Remote(address) if is_url(address) else open_file(address)
    return io.BufferedReader(raw, 1 << 16)


class _Remote(io.RawIOBase):
    """What fsspec opens; each of its file systems has errors of its own, and whatever goes wrong there is no photo's fault."""

    def __init__(self, address: str) -> None:
        self._address = address
        scheme = address.partition("://")[0]
        try:
            import fsspec  # noqa: PLC0415 - only those who have photos elsewhere need it

            self._file: Any = fsspec.open(address, "rb").open()
            self._file.seek(0)  # some only find out now that they cannot
        except ImportError as exc:
            extra = _EXTRAS.get(scheme)
            hint = more(f"batch,{extra}") if extra else f"pip install {exc.name or scheme}"
            raise BatchError(f"{scheme}:// needs something that is not installed ({exc}); {hint}") from exc
        except FileNotFoundError as exc:
            raise Unreadable("file_not_found", "There is no such file (any more).") from exc
        except PermissionError as exc:
            raise Unreadable("unreadable_file", f"It may not be read: {exc}.") from exc
        except ValueError as exc:
            raise BatchError(f"{address} is no address that is known here: {exc}") from exc
        except Exception as exc:
            raise self._away(exc) from exc

    def _away(self, exc: Exception) -> StorageAway:
        words = f"{type(exc).__name__}: {exc}"
        return StorageAway(
            f"{self._address} cannot be read ({words}): once it can, run the same command again to go on"
        )

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        room = memoryview(buffer)
        try:
            data = self._file.read(len(room))
        except Exception as exc:
            raise self._away(exc) from exc
        room[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return int(self._file.seek(offset, whence))
        except Exception as exc:
            raise self._away(exc) from exc

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            if hasattr(self, "_file"):
                self._file.close()
            super().close()


class Anchor:
    """A folder or file that must stay where it is while a job reads from it: what a mount point is without its disk is another.

    Args:
        address: its path, or a URL.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._identity = None if is_url(address) else self._now()

    def _now(self) -> tuple[int, int] | None:
        try:
            status = Path(self._address).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def check(self) -> None:
        """Make sure that it is there, and no other in its place.

        Raises:
            StorageAway: it is not.
        """
        if is_url(self._address):
            try:
                open_any(self._address).close()
            except Unreadable as exc:
                raise StorageAway(f"{self._address}: {exc}") from exc
        elif self._identity is not None and self._identity != self._now():
            raise StorageAway(
                f"{self._address} is not there any more: plug in or mount its disk again, then run the same command again "
                "to go on"
            )


def local_path(address: str) -> str:
    """Return the path that a `file://` URL means; any other address as it is."""
    if not address.lower().startswith("file://"):
        return address
    return unquote(urlsplit(address).path, errors="surrogateescape")
