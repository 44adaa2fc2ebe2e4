"""The model's verified bytes, held by the server and mapped by its slots: one copy in memory, which nobody can change.

Whoever starts later works with the very bytes that were verified, whatever has become of the model's directory since.
"""

import errno
import mmap
import os
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

# How a bundle's files are called here; external data have the names that the graph has for them, which are never such.
GRAPH: Final = "/graph"
CLASS_MAP: Final = "/class_map"
_PAGE: Final = mmap.ALLOCATIONGRANULARITY
_PATIENCE: Final = (0.01, 0.05, 0.2, 1.0)  # seconds between tries to seal


class Part(NamedTuple):
    """Where one file of the model is: its name, where it begins, and its length in bytes."""

    name: str
    start: int
    size: int


def reserve() -> int:
    """Return the descriptor of an empty file without a name, which slots may inherit before `fill` was called."""
    if hasattr(os, "memfd_create"):  # Linux: works with a read-only file system too
        return os.memfd_create("sightserve-model", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    import tempfile  # noqa: PLC0415 - not on Linux

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def fill(descriptor: int, files: Mapping[str, bytes | mmap.mmap]) -> tuple[Part, ...]:
    """Write the model into such a file and close it to any further change; return where everything is."""
    parts: list[Part] = []
    end = 0
    for name, content in files.items():
        start = -(-end // _PAGE) * _PAGE  # what is mapped begins on a page
        rest = memoryview(content)
        while rest:
            written = os.pwrite(descriptor, rest, start + len(content) - len(rest))
            rest = rest[written:]
        parts.append(Part(name, start, len(content)))
        end = start + len(content)
    _seal(descriptor)
    return tuple(parts)


def map_parts(descriptor: int, parts: Sequence[Part]) -> dict[str, mmap.mmap]:
    """Return the files by name, mapped: pages that all processes share."""
    return {p.name: mmap.mmap(descriptor, p.size, prot=mmap.PROT_READ, offset=p.start) for p in parts}


def _seal(descriptor: int) -> None:
    """Have the system refuse any change, also by a slot that a hostile photo has taken over."""
    import fcntl  # noqa: PLC0415 - POSIX only

    if hasattr(fcntl, "F_ADD_SEALS"):
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        for wait in (*_PATIENCE, None):
            try:
                fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
            except OSError as exc:
                # For a moment after a write the kernel itself may still hold pages, on a busy machine for a longer one.
                if exc.errno != errno.EBUSY or wait is None:
                    raise
                time.sleep(wait)
            else:
                return
