"""How much memory this process and its slots may use, and for what: bodies that wait, and pictures that are decoded.

The machine's memory is not the container's share of it, as with CPUs (`cpu.py`).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_OWN_CGROUPS: Final = Path("/proc/self/cgroup")
_UNKNOWN: Final = 2**30  # bytes, where the system does not say: small enough for anything that decodes photos
_BYTES_A_PIXEL: Final = 4
_MIB: Final = 2**20

# Resident, measured (`python -m bench.run --servers ours --cases memory`) after ten thousand answers: the server; and a slot
# with its batch and what small pictures take. An engine has a copy of the weights: a slot has two, one more while it starts.
_SERVER: Final = 80 * _MIB
_SLOT: Final = 90 * _MIB
_ENGINES: Final = 3
_MOST_BODIES: Final = 256 * _MIB
_LEAST_PIXELS: Final = (
    32 * _MIB
)  # bytes; with less, only JPEGs could be decoded: better to run out of memory now and then
_MARGIN: Final = 0.05  # of all: what the kernel counts to us too, and what measurements miss


class Shares(NamedTuple):
    """What the memory is for, beside the programs.

    Attributes:
        bodies: bytes of requests that wait.
        pixels: that are in memory at once, at four bytes each.
    """

    bodies: int
    pixels: int


def shares(memory: int, slots: int, model: int, shared: int = 0) -> Shares:
    """Divide the memory so that all together fits in it.

    Args:
        memory: bytes for all, see `memory_budget`.
        slots: that run at once, beside the one that starts with the first large photo.
        model: bytes of its files, of which each engine has a copy.
        shared: bytes of those that all engines use where the server holds them.
    """
    programs = _SERVER + _programs(slots, model, shared)
    bodies = min(_MOST_BODIES, memory // 8)
    left = int(memory * (1 - _MARGIN)) - programs - bodies
    return Shares(bodies, max(left, _LEAST_PIXELS) // _BYTES_A_PIXEL)


def fits(memory: int, slots: int, models: Sequence[tuple[int, int]]) -> bool:
    """Return whether several models may be loaded at once, as one is before another ends.

    Args:
        memory: bytes for all.
        slots: of each.
        models: of each, the bytes of which every engine has a copy, and those that all share.
    """
    return _SERVER + sum(_programs(slots, *model) for model in models) <= memory * (1 - _MARGIN)


def _programs(slots: int, model: int, shared: int) -> int:
    # a slot that starts has a copy of what is shared for a moment; when all do, no photo is there yet
    return 2 * shared + (slots + 1) * (_SLOT + _ENGINES * model)


def memory_budget(
    cgroup_root: Path = Path("/sys/fs/cgroup"), physical: int | None = None, own: str | None = None
) -> int:
    """Return how many bytes of memory there are for all that runs here: the smallest of the machine's and cgroup limits.

    Args:
        cgroup_root: where the cgroup file system is mounted (version 1 or 2).
        physical: bytes of the machine; asked of the system when None.
        own: which cgroups this process is in, as /proc/self/cgroup says it; read when None.
    """
    found = [physical if physical is not None else _physical()]
    texts = (_read(path).strip() for path in _limits(cgroup_root, _read(_OWN_CGROUPS) if own is None else own))
    found += [int(text) for text in texts if text.isdecimal() and int(text) > 0]  # else it is not there, or "max"
    return min(found)


def _limits(root: Path, own: str) -> Iterator[Path]:
    """Yield the files that hold limits: of the container, and of the groups that this process is in and those around them."""
    yield root / "memory.max"
    yield root / "memory" / "memory.limit_in_bytes"
    for line in own.splitlines():  # 0::/path in version 2, 4:memory:/path in version 1
        controllers, _, path = line.partition(":")[2].partition(":")
        group = Path(path.strip().lstrip("/"))
        for around in (group, *group.parents):
            if not controllers:
                yield root / around / "memory.max"
            elif "memory" in controllers.split(","):
                yield root / "memory" / around / "memory.limit_in_bytes"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN
