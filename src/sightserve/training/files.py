"""A photo's file -> [opened as what a stranger may have put there, and no more of it read than a photo may have] -> bytes."""

import hashlib
import os
import stat
from pathlib import Path

from sightserve.training.errors import TrainError


class Unreadable(TrainError):
    """One file cannot be read; the message says why, without its name."""


def size_of(path: Path) -> int:
    """Return a file's bytes; 0 where it is none, which reading it says."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def read(path: Path, most: int) -> bytes:
    """Return what is in a file.

    Raises:
        Unreadable: it is no file, cannot be read, or has more bytes than `most`.
    """
    try:
        # without waiting: a pipe that nobody writes to would never open
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as exc:
        raise Unreadable(f"it cannot be opened: {_words(exc)}") from exc
    with os.fdopen(descriptor, "rb") as file:
        try:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable("it is no file")
            if about.st_size > most:
                raise Unreadable(
                    f"it has {about.st_size:,} bytes, and {most:,} is the most that a photo may have "
                    "(SIGHTSERVE_MAX_UPLOAD_BYTES)"
                )
            return file.read(most)
        except OSError as exc:
            raise Unreadable(f"it cannot be read: {_words(exc)}") from exc


def digest_of(data: bytes) -> str:
    """Return the sha256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def shown(name: str) -> str:
    """Return a file's name as text, one that is none included."""
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


def _words(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or str(exc)
