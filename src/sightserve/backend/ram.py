"""How much memory this process and its slots may use: what sizes the pictures that are decoded at once.

The machine's memory is not the container's share of it, as with CPUs (`cpu.py`).
"""

import os
from pathlib import Path
from typing import Final

_UNKNOWN: Final = 2**30  # bytes, where the system does not say: small enough for anything that decodes photos
_BYTES_A_PIXEL: Final = 4


def memory_budget(cgroup_root: Path = Path("/sys/fs/cgroup"), physical: int | None = None) -> int:
    """Return how many bytes of memory there are for all that runs here: the smallest of the machine's and cgroup limits.

    Args:
        cgroup_root: where the cgroup file system is mounted (version 1 or 2).
        physical: bytes of the machine; asked of the system when None.
    """
    found = [physical if physical is not None else _physical()]
    for path in (cgroup_root / "memory.max", cgroup_root / "memory" / "memory.limit_in_bytes"):
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return min(limit for limit in found if limit > 0)


def pixel_budget() -> int:
    """Return how many decoded pixels may be in memory at once: half of it, the rest is for bodies, models and programs."""
    return memory_budget() // 2 // _BYTES_A_PIXEL


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN
