"""Looks at the slots of a running backend from outside: their processes."""

import os
import time
from pathlib import Path


def slots(pid: int) -> list[int]:
    """The ids of a server's slots, oldest first."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = (folder / "stat").read_text().rpartition(") ")[2].split()[1]
            except OSError:  # it has just ended
                continue
            if int(parent) == pid and b"sightserve.backend.slot.main" in words:
                found.append(int(folder.name))
    return sorted(found)


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_slots(pid: int, count: int, *, without: frozenset[int] = frozenset(), seconds: float = 30.0) -> list[int]:
    """Wait until a server has so many slots, none of them one of these."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = slots(pid)
        if len(found) == count and not without & set(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{len(slots(pid))} slots after {seconds} s, not {count}")
