"""Cold start: from starting the process to the first answer, and where that time goes.

Files are in the page cache and byte code is compiled, as on a container's second start; every figure is of a fresh process.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.photos import ROOT, Photo
from bench.servers import BUNDLE, Kind, Running, ServerError, ask, free_port, start, stop, wait_ready

_BARE = "import fastapi, onnxruntime as ort; ort.InferenceSession({model!r}); print('loaded', flush=True)"


def first_answer(kind: Kind, python: Path, photos: Sequence[Photo]) -> dict[str, float]:
    """Start the server, ask as soon as it is ready.

    Returns:
        ready_s: seconds until its health address said so, asked every 5 ms.
        first_answer_ms: how long the first photo took, in milliseconds.
        total_s: seconds from the start of the process to the first answer.
    """
    port, began = free_port(), time.perf_counter()
    process = start(kind, python, port, subprocess.DEVNULL)
    try:
        if not wait_ready(kind, port, process, pause=0.005):
            raise ServerError(f"{kind.title} did not start")
        ready = time.perf_counter() - began
        status, text = ask(Running(kind, process.pid, port), photos[0])
        total = time.perf_counter() - began
    finally:
        stop(process)
    if status != 200:  # noqa: PLR2004
        raise ServerError(f"{kind.title} answered {status}: {text[:200]}")
    return {"ready_s": ready, "first_answer_ms": (total - ready) * 1000, "total_s": total}


def bare(python: Path) -> dict[str, float]:
    """Return how long `import fastapi, onnxruntime` and loading the model take, interpreter start included, in seconds."""
    code, began = _BARE.format(model=str(BUNDLE / "model.onnx")), time.perf_counter()
    with subprocess.Popen([str(python), "-c", code], stdout=subprocess.PIPE) as process:
        if process.stdout is None or not process.stdout.readline():
            raise ServerError("fastapi and onnxruntime cannot be imported here")
        return {"total_s": time.perf_counter() - began}


def inside(python: Path) -> dict[str, float]:
    """Return the parts of our start, each in seconds, measured in a process that takes the same steps: see `parts.py`."""
    done = subprocess.run([str(python), "-m", "bench.parts"], check=True, capture_output=True, text=True, cwd=ROOT)
    told: dict[str, float] = json.loads(done.stdout)
    return told
