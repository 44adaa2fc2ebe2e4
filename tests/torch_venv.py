"""Runs code in the environment of tools/install_torch.sh, which has PyTorch, as somebody's own has it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

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
    return subprocess.run(
        _command(*words),
        env=_environment(**environment),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def _command(*words: str) -> list[str]:
    if not PYTHON.is_file():
        pytest.fail(f"{PYTHON} is not there: run tools/install_torch.sh")
    return [str(PYTHON), *words]


def _environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])
    return clean_environment(PYTHONPATH=paths, PYTHONWARNINGS="ignore", OMP_NUM_THREADS="1", **more)


class Compare(Protocol):
    """Returns what tests/torch_compare.py finds of each source (and `--arch`): what was read, how its answers agree."""

    def __call__(self, *sources: tuple[Path | str, str | None], photos: Sequence[Path] = ()) -> list[Any]: ...


@contextmanager
def comparing(**environment: str) -> Iterator[Compare]:
    """One process that compares whatever it is asked to until the block ends."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            _command("-m", "tests.torch_compare"),
            env=_environment(**environment),
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        asks, told = process.stdin, process.stdout

        def compare(*sources: tuple[Path | str, str | None], photos: Sequence[Path] = ()) -> list[Any]:
            named = [str(photo) for photo in photos]
            asked = [{"source": str(source), "arch": arch, "photos": named} for source, arch in sources]
            print(json.dumps(asked), file=asks, flush=True)
            line = told.readline()
            errors.seek(0)
            assert line, errors.read()
            answers: list[Any] = json.loads(line)
            return answers

        yield compare
        asks.close()
