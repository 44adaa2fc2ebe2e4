"""Names in any order -> [sorted by their bytes, each once; many of them on disk] -> a source."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from sightserve.batch.errors import BatchError

MOST_IN_MEMORY: Final = 100_000
_CACHE: Final = 4 << 10  # KiB of memory for SQLite's pages, and as much again for what it sorts at once

Entry = tuple[bytes, bytes]  # what is sorted by, and what comes with it


def ordered(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield entries by their first half; of those with the same, the last.

    Raises:
        BatchError: there is no room on disk for more than fit into memory.
    """
    rest = iter(entries)
    few = dict(islice(rest, MOST_IN_MEMORY))
    more = next(rest, None)
    if more is None:
        yield from sorted(few.items())
        return
    many = chain(few.items(), [more], rest)
    del few
    try:
        yield from _on_disk(many)
    except sqlite3.OperationalError as exc:
        raise BatchError(
            f"there is no room to sort the photos' names on disk ({exc}): make some, or name a place with room in TMPDIR"
        ) from exc


def _on_disk(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Sort with SQLite: its sorter merges runs on disk. A database without a name is a file that goes with its connection."""
    # whoever iterates may do so in another thread than the one that began
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        for setting in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{_CACHE}"):
            database.execute(f"PRAGMA {setting}")
        database.execute("CREATE TABLE entries (name BLOB, value BLOB)")
        database.execute("BEGIN")
        database.executemany("INSERT INTO entries VALUES (?, ?)", entries)
        database.execute("COMMIT")
        last: bytes | None = None
        for name, value in database.execute("SELECT name, value FROM entries ORDER BY name, rowid DESC"):
            if name != last:
                yield name, value
            last = name
    finally:
        database.close()
