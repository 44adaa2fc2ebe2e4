"""Each peer in an environment of its own, outside the repository, made once for each state of its requirements file."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from bench.servers import BUNDLE, PEERS


class Absent(Exception):
    """What a measurement needs cannot be installed here; it is reported as skipped, with this reason."""


def cache() -> Path:
    """Return the folder for environments: $XDG_CACHE_HOME/sightserve-bench, else ~/.cache/sightserve-bench."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "sightserve-bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def python(name: str) -> Path:
    """Return the Python of a peer's environment; made with pip when it is not there yet.

    Raises:
        Absent: pip cannot install the requirements.
    """
    requirements = PEERS / name / "requirements.txt"
    state = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache() / f"{name}-{state}"
    executable = folder / "bin" / "python"
    if (folder / "complete").exists():
        return executable
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    words = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "-r", str(requirements)]
    done = subprocess.run([str(executable), *words], check=False, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise Absent(f"pip cannot install {name}'s requirements: {done.stderr.strip().splitlines()[-1]}")
    (folder / "complete").touch()
    return executable


def float_model() -> Path:
    """Return the float-input variant of the embedded model, made once for each state of the model.

    Raises:
        Absent: onnx, which makes it, cannot be installed.
    """
    source = BUNDLE / "model.onnx"
    target = cache() / f"float-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}.onnx"
    if not target.exists():
        script = PEERS / "straight" / "make_float_model.py"
        subprocess.run([str(python("straight")), str(script), str(source), str(target)], check=True)
    return target
