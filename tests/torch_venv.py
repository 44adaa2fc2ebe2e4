"""Runs code in the environment of tools/install_torch.sh, which has PyTorch, as somebody's own has it."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.processes import clean_environment

_ROOT = Path(__file__).parents[1]
_SECONDS = 580  # importing PyTorch takes ten of them on a busy machine, an export as many
PYTHON = (
    Path(os.environ.get("SIGHTSERVE_TORCH") or Path.home() / ".cache" / "sightserve" / "torch-2.14.1")
    / "bin"
    / "python"
)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run that Python with these words; `sightserve` and the tests can be imported there.

    One thread: PyTorch's and ONNX Runtime's wait for each other by turning in a loop, minutes of it where other work runs.
    """
    if not PYTHON.is_file():
        pytest.fail(f"{PYTHON} is not there: run tools/install_torch.sh")
    paths = os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])
    return subprocess.run(
        [str(PYTHON), *words],
        env=clean_environment(PYTHONPATH=paths, PYTHONWARNINGS="ignore", OMP_NUM_THREADS="1", **environment),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def compare(*sources: tuple[Path | str, str | None], photos: Sequence[Path] = (), **environment: str) -> list[Any]:
    """Return what tests/torch_compare.py finds of each source (and `--arch`): what was read, how its answers agree."""
    named = [str(photo) for photo in photos]
    asked = [{"source": str(source), "arch": arch, "photos": named} for source, arch in sources]
    ended = run("-m", "tests.torch_compare", json.dumps(asked), **environment)
    assert ended.returncode == 0, ended.stderr
    answers: list[Any] = json.loads(ended.stdout.splitlines()[-1])
    return answers
