"""What was measured: a flat list of measurements in a JSON file, to which later runs may add."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_SHOWN = ("onnxruntime", "numpy", "pillow", "fastapi", "uvicorn", "uvloop")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One visit's figures.

    Attributes:
        case: closed, ceiling, open, cold or memory.
        photos: imagenet or large.
        server: a name in `servers.KINDS`, or what else was measured (straight, bare).
        setting: what was varied: connections, cores, multiple of the capacity, requests.
        round: from 0.
        figures: name to value; the name ends in the unit.
        skipped: why there are no figures; empty when there are.
    """

    case: str
    photos: str
    server: str
    setting: str
    round: int
    figures: dict[str, float]
    skipped: str = ""


def machine() -> dict[str, str]:
    """Return what the machine is, without a name that could identify it."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    told = {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "python": platform.python_version(),
        "kernel": platform.release().split("-")[0],
    }
    for package in _SHOWN:
        try:
            told[package] = version(package)
        except PackageNotFoundError:
            told[package] = "absent"
    return told


def save(path: Path, measurements: Sequence[Measurement]) -> None:
    """Write everything; whole or not at all, because a run is interrupted more often than one would like."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"machine": machine(), "measurements": [asdict(m) for m in measurements]}, indent=1))
    part.rename(path)


def load(path: Path) -> tuple[dict[str, str], list[Measurement]]:
    """Return the machine and the measurements of a file."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told["machine"], [Measurement(**fields) for fields in told["measurements"]]
