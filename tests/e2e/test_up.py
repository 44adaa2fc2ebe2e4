"""`sightserve up`: two processes that start and end as one."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from tests.processes import clean_environment, free_port, wait_for


def listens(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.fixture
def up(tmp_path):
    api, ui = free_port(), free_port()
    command = [sys.executable, "-m", "sightserve", "up", "--port", str(api), "--ui-port", str(ui)]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=clean_environment(), stdout=output, stderr=subprocess.STDOUT)
    wait_for(f"http://127.0.0.1:{ui}/_stcore/health", process, log)
    while "Web app" not in log.read_text():
        time.sleep(0.1)
    yield process, api, ui, log
    if process.poll() is None:
        process.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_both_cleanly(up, how):
    process, api, ui, log = up
    assert listens(api)
    assert f"http://127.0.0.1:{api}" in log.read_text()
    assert f"http://127.0.0.1:{ui}" in log.read_text()

    process.send_signal(how)

    assert process.wait(timeout=15) == 0
    assert not listens(api)
    assert not listens(ui)
    assert "Traceback" not in log.read_text()


def test_when_one_half_dies_the_other_ends_and_up_says_so(up):
    process, api, ui, log = up
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)

    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)

    assert process.wait(timeout=15) == 1
    assert not listens(api)
    assert not listens(ui)
    assert "ended unexpectedly" in log.read_text()
