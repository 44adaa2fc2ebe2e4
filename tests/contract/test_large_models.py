"""A model of 300 MB whose weights lie in a file of their own: in memory once, however many slots there are."""

from pathlib import Path

import httpx2
import pytest
from tests.networks import network, write
from tests.processes import running_backend
from tests.slots import wait_for_slots

pytestmark = pytest.mark.slow  # writes and loads 300 MB

MB = 1024  # kB, as /proc has it
FILE = 300 * MB


def own_memory(pid: int) -> int:
    """What a process has that no other shares, kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


def test_its_weights_are_shared_by_all_slots(tmp_path, espresso):
    bundle = write(tmp_path / "large", model=network(blocks=75), outside=True)
    assert (bundle / "model.onnx.data").stat().st_size > FILE * 1000

    with running_backend(tmp_path / "log", "--model", str(bundle), "--cpus", "2") as backend:
        pids = wait_for_slots(backend.process.pid, 2)
        while httpx2.get(f"{backend.url}/metrics").text.count("sightserve_slots 2.0") == 0:
            pass
        answers = [httpx2.post(f"{backend.url}/predict", content=espresso) for _ in range(4)]
        own = [own_memory(pid) for pid in pids]
        server = own_memory(backend.process.pid)

    assert {answer.status_code for answer in answers} == {200}
    # 35 MB, measured; with copies it would be the file's 300 more, with those of the wide engine 600
    assert max(own) < FILE / 3
    assert server < FILE / 3
