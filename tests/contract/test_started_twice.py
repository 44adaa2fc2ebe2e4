"""Two servers on one port: one serves, the other says so and ends."""

import subprocess
import sys
import time
import urllib.request

import pytest
from tests.processes import clean_environment, free_port, wait_for


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(2))
def test_of_two_servers_started_at_once_one_serves_and_the_other_says_why_it_does_not(tmp_path, round_):
    port = free_port()
    command = [sys.executable, "-m", "sightserve", "serve", "--port", str(port), "--cpus", "1"]
    logs = [tmp_path / "first", tmp_path / "second"]
    processes = []
    for log in logs:
        with log.open("wb") as output:
            processes.append(subprocess.Popen(command, stderr=output, env=clean_environment()))
    try:
        deadline = time.monotonic() + 30
        while not (over := [process for process in processes if process.poll() is not None]):
            assert time.monotonic() < deadline, "both live on"
            time.sleep(0.05)
        loser = over[0]
        winner = next(p for p in processes if p is not loser)
        said = logs[processes.index(loser)].read_text()

        wait_for(f"http://127.0.0.1:{port}/health/ready", winner, logs[processes.index(winner)])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/model") as answer:
            assert answer.status == 200
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=15)

    assert loser.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "serving on" not in said
    assert winner.returncode == 0
