"""How many CPUs this process may use: what sizes the slots, and with them everything else.

`os.cpu_count()` counts the machine's processors, not the container's share of them: a container with two of 64 CPUs that
starts 64 threads is throttled most of the time.
"""

import math
import os
from pathlib import Path


def cpu_budget(cgroup_root: Path = Path("/sys/fs/cgroup"), affinity: int | None = None) -> int:
    """Return how many CPUs' worth of threads to run: the smallest of affinity and cgroup quotas, at least 1.

    A fractional quota is rounded down, so that the threads never outrun it (2.5 CPUs: 2 threads), but never to 0.

    Args:
        cgroup_root: where the cgroup file system is mounted (version 1 or 2).
        affinity: how many CPUs the scheduler may place us on; asked of the system when None.
    """
    cpus = float(affinity if affinity is not None else _affinity())
    for quota in (_quota_v2(cgroup_root), _quota_v1(cgroup_root)):
        if quota is not None:
            cpus = min(cpus, quota)
    return max(1, math.floor(cpus))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota_v2(root: Path) -> float | None:
    """Read `cpu.max`: "max 100000" or "150000 100000" (microseconds of CPU time per period)."""
    words = _read(root / "cpu.max").split()
    return _ratio(words[0], words[1]) if len(words) == 2 else None  # noqa: PLR2004


def _quota_v1(root: Path) -> float | None:
    """Read `cpu.cfs_quota_us` (-1: unlimited) and `cpu.cfs_period_us`."""
    for controller in ("cpu", "cpu,cpuacct"):
        quota = _ratio(
            _read(root / controller / "cpu.cfs_quota_us").strip(),
            _read(root / controller / "cpu.cfs_period_us").strip(),
        )
        if quota is not None:
            return quota
    return None


def _ratio(quota: str, period: str) -> float | None:
    try:
        microseconds, per = int(quota), int(period)
    except ValueError:  # "max", or an empty or missing file
        return None
    return microseconds / per if microseconds > 0 and per > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
