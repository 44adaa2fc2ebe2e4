"""The one temporary folder of this process: strangers' videos lie in it, and go with it.

It is removed at every orderly end. What a process leaves that is killed outright is removed at the next start: a process
holds a lock on its folder for as long as it lives, so that nobody takes a living one's, whatever becomes of process numbers.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import threading
import time
from functools import cache
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_PREFIX: Final = "sightserve-ui-"
_LOCK: Final = "owner"
_BEING_MADE: Final = 60.0  # seconds for which a folder without a lock is taken for one that is being made


class Workspace:
    """A folder for folders, made when it is first needed. Safe to call from any thread."""

    def __init__(self, parent: Path | None = None) -> None:
        """Make nothing yet.

        Args:
            parent: where to; the system's folder for temporary files where it is None.
        """
        self._parent = parent
        self._lock = threading.RLock()  # the handler of a signal may run in a thread that holds it
        # Guarded by _lock:
        self._root: Path | None = None
        self._ending = False

    def folder(self) -> Path:
        """Return a new folder.

        Raises:
            OSError: it cannot be made, or this process is about to end.
        """
        with self._lock:
            if self._ending:
                raise OSError("the app is about to end")
            if self._root is None:
                self._root = _claim(self._parent)
            return Path(tempfile.mkdtemp(dir=self._root))

    def remove(self) -> None:
        """Remove everything and give out no more; once more removes what was being written meanwhile."""
        with self._lock:
            self._ending = True
            if self._root is not None:
                shutil.rmtree(self._root, ignore_errors=True)


def sweep(parent: Path | None = None) -> list[Path]:
    """Remove what processes left that do not live any more; return what was removed."""
    removed: list[Path] = []
    try:
        parent = parent or Path(tempfile.gettempdir())
    except FileNotFoundError:  # a container without a writable folder: nothing can have been left there
        return removed
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if _is_ours(folder) and _is_left(folder):
                shutil.rmtree(folder)
                removed.append(folder)
        except OSError as error:
            _log.warning("%s cannot be removed: %s", folder, error)
    return removed


def _is_ours(folder: Path) -> bool:
    """Return whether it is a folder, no link to one, and of the user that this process runs as."""
    return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.geteuid()


def _is_left(folder: Path) -> bool:
    """Return whether nobody holds its lock."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _BEING_MADE
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _claim(parent: Path | None) -> Path:
    """Return a new folder that is locked for as long as this process lives."""
    while True:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Between the two lines above, another process that starts may have taken it for one that was left.
        if (root / _LOCK).exists():
            return root
        os.close(descriptor)


@cache
def workspace() -> Workspace:
    """Return this process's."""
    return Workspace()
