"""Features of photos that were looked at before, by the sha256 of their files; one SQLite file an extractor.

It spares work and is nothing else: what is wrong with it (damaged, locked, a full disk) costs that work, and no training.
"""

import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_MOST: Final = 2 * 2**30  # bytes of all files: the features of 400,000 photos
_PATIENCE: Final = 2.0  # seconds, for another training that writes
_TABLE: Final = "CREATE TABLE IF NOT EXISTS features (sha256 TEXT PRIMARY KEY, numbers BLOB NOT NULL)"
_BESIDE: Final = ("-wal", "-shm")  # SQLite's own files


class Row(NamedTuple):
    """What is kept of a photo: its features, (D,), and its perceptual hash."""

    vector: NDArray[np.float32]
    hash: np.uint64


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the XDG base directories have what can be made again."""
    caches = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".cache"
    return Path(caches) / "sightserve" / "features"


class FeatureCache:
    """The features that one extractor gave; any thread may ask."""

    def __init__(self, folder: Path, name: str, size: int, *, most: int = _MOST) -> None:
        """Open it.

        Args:
            folder: of all such files.
            name: of this one: another for each extractor.
            size: D.
            most: bytes that all of them may have together, when this one is closed.
        """
        self._folder, self._path, self._size, self._most = folder, folder / f"{name}.sqlite", size, most
        self._using = threading.Lock()
        self._database = self._open() or self._open_anew()

    def _open(self) -> sqlite3.Connection | None:
        database = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            database = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(_TABLE)
            database.execute("SELECT sha256, numbers FROM features LIMIT 1").fetchall()
        except (OSError, sqlite3.Error):
            if database is not None:
                database.close()
            return None
        return database

    def _open_anew(self) -> sqlite3.Connection | None:
        """Open it again after taking away a damaged one; a file that only is locked, or cannot be written, stays."""
        try:
            with sqlite3.connect(self._path, timeout=_PATIENCE) as database:
                database.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            return None
        except sqlite3.Error:
            _remove(self._path)
            return self._open()
        else:
            return None
        finally:
            with suppress(UnboundLocalError):
                database.close()

    def get(self, digest: str) -> Row | None:
        """Return what is known of a photo."""
        if self._database is None:
            return None
        try:
            with self._using:
                found = self._database.execute("SELECT numbers FROM features WHERE sha256 = ?", (digest,)).fetchone()
        except sqlite3.Error:
            return None
        return None if found is None else self._row(found[0])

    def _row(self, numbers: object) -> Row | None:
        if not isinstance(numbers, bytes) or len(numbers) != 8 + 4 * self._size:
            return None
        vector = np.frombuffer(numbers, dtype="<f4", offset=8).astype(np.float32)
        return Row(vector, np.uint64(int.from_bytes(numbers[:8], "little"))) if np.isfinite(vector).all() else None

    def put(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Keep what was found of some photos."""
        if self._database is None or not rows:
            return
        made = [
            (digest, int(row.hash).to_bytes(8, "little") + row.vector.astype("<f4").tobytes()) for digest, row in rows
        ]
        try:
            with self._using:
                self._database.execute("BEGIN")
                try:
                    self._database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", made)
                    self._database.execute("COMMIT")
                except sqlite3.Error:
                    with suppress(sqlite3.Error):
                        self._database.execute("ROLLBACK")
                    raise
        except sqlite3.Error:
            return

    def close(self) -> None:
        """Close it, and take away the oldest where all of them have become too large."""
        if self._database is None:
            return
        with suppress(sqlite3.Error), self._using:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if self._path.stat().st_size > self._most:
                self._database.execute(
                    "DELETE FROM features WHERE rowid <= (SELECT (min(rowid) + max(rowid)) / 2 FROM features)"
                )
                self._database.execute("VACUUM")
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
        self._database = None
        with suppress(OSError):
            os.utime(self._path)
            self._make_room()

    def _make_room(self) -> None:
        files = sorted(self._folder.glob("*.sqlite"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in files:  # the newest first: this one
            total += path.stat().st_size
            if total > self._most and path != self._path:
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
    for more in _BESIDE:
        with suppress(OSError):
            path.with_name(path.name + more).unlink()
