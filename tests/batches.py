"""Runs `sightserve batch` as its user does, and reads what it leaves."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from tests.processes import clean_environment

QUICK = {"SIGHTSERVE_MODEL": "fast"}


def started(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sightserve", "batch", *map(str, words)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(**QUICK | environment),
    )


def batch(*words: str | Path, code: int = 0, **environment: str) -> str:
    """Run it to its end and return what it says."""
    process = started(*words, **environment)
    out, err = process.communicate(timeout=150)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    return out + err


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def rows(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out)  # the folder, as everybody reads it


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
