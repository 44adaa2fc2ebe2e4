"""Session: what the only module that knows ONNX Runtime keeps it from doing."""

import os
import subprocess
import sys


def test_onnx_runtime_leaves_nothing_in_the_home_directory(tmp_path):
    """Left alone, it writes an identifier for its telemetry there when it is imported."""
    environment = {k: v for k, v in os.environ.items() if k not in {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}}

    code = "import sightserve.backend.slot.engine"
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True)

    assert list(tmp_path.rglob("*")) == []
