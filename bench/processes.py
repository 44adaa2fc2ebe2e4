"""What a server costs: CPU seconds and resident memory of a process and everything that it started, from /proc."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time.

    Attributes:
        user: seconds in the program.
        system: seconds in the kernel on its behalf, the loopback network included.
    """

    user: float
    system: float

    @property
    def total(self) -> float:
        """Seconds of both."""
        return self.user + self.system

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.user - earlier.user, self.system - earlier.system)


def tree(root: int) -> list[int]:
    """Return the process and its living descendants; BentoML and LitServe start several."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def started(pid: int) -> str:
    """Return when a process started, in clock ticks since the machine did; empty when there is none. Numbers come again."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def cpu(root: int) -> Cpu:
    """Return the CPU time of the process tree so far, resolved to 10 ms."""
    rows = [fields for pid in tree(root) if (fields := _stat(pid))]
    return Cpu(sum(int(f[11]) for f in rows) / _TICK, sum(int(f[12]) for f in rows) / _TICK)


def main_thread(pid: int) -> float:
    """Return the CPU seconds of one process's main thread: where an asyncio server's event loop runs."""
    words = _read(_PROC / str(pid) / "task" / str(pid) / "schedstat").split()
    return int(words[0]) / 1e9 if words else 0.0


def machine() -> float:
    """Return the CPU seconds that the whole machine has worked so far, or that its host has taken from it (proc(5))."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, _read(_PROC / "stat").split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICK


def wait_quiet(seconds: float, share: float = 0.05) -> bool:
    """Wait until everybody else uses less than this share of the machine, but no longer than so many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        before, started = machine(), time.monotonic()
        time.sleep(0.5)
        if machine() - before < share * (os.cpu_count() or 1) * (time.monotonic() - started):
            return True
        if time.monotonic() > give_up:
            return False


def wait_idle(roots: Sequence[int], seconds: float, share: float = 0.05) -> bool:
    """Wait until these process trees together use less than this share of one core, but no longer than so many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        before = sum(cpu(root).total for root in roots)
        time.sleep(0.4)
        if sum(cpu(root).total for root in roots) - before < share * 0.4 + 1 / _TICK:
            return True
        if time.monotonic() > give_up:
            return False


def memory(root: int) -> float:
    """Return the process tree's memory in MiB: Pss (shared pages split fairly) where the kernel tells it, else RSS."""
    return sum(_kilobytes(pid) for pid in tree(root)) / 1024


def _kilobytes(pid: int) -> int:
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        for line in _read(_PROC / str(pid) / name).splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the name (proc(5)): [0] state, [1] parent, [11] utime, [12] stime."""
    return _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # the process ended meanwhile, or is not ours to look at
        return ""
