"""`sightserve up`: two processes that start and end as one."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing

import pytest
from tests.conftest import SAMPLES
from tests.processes import clean_environment, free_port, wait_for

from sightserve.loadtest.generator.browser import Browser


def listens(port: int) -> bool:
    try:
        ASK.open(f"http://127.0.0.1:{port}/", timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


SLOW = pytest.mark.slow
# A port where nothing listens: as a proxy it lets nobody through.
DEAD = f"http://127.0.0.1:{free_port()}"
PROXIES = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), DEAD)
ASK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def up(tmp_path):
    """In a company's environment: with a proxy for everything, which knows nothing of this machine."""
    api, ui = free_port(), free_port()
    command = [sys.executable, "-m", "sightserve", "up", "--port", str(api), "--ui-port", str(ui)]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=clean_environment(**PROXIES), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    wait_for(f"http://127.0.0.1:{ui}/_stcore/health", process, log)
    while "Web app" not in log.read_text():
        time.sleep(0.1)
    yield process, api, ui, log
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("how", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 0, marks=SLOW), pytest.param(signal.SIGHUP, 129, marks=SLOW)],
)
def test_one_signal_ends_both_cleanly(up, how, code):
    process, api, ui, log = up
    assert listens(api)
    assert f"http://127.0.0.1:{api}" in log.read_text()
    assert f"http://127.0.0.1:{ui}" in log.read_text()

    process.send_signal(how)

    assert process.wait(timeout=15) == code
    assert not listens(api)
    assert not listens(ui)
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("how", [pytest.param(signal.SIGHUP, marks=SLOW), signal.SIGKILL])
def test_a_closed_terminal_and_a_kill_free_both_ports_while_somebody_is_at_the_page(up, how):
    process, api, ui, log = up
    with (
        closing(Browser(f"http://127.0.0.1:{ui}", 20)) as visitor,
        socket.create_connection(("127.0.0.1", api)) as idle,
    ):
        visitor.open()
        idle.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        process.send_signal(how)
        started = time.monotonic()
        while listens(api) or listens(ui):
            assert time.monotonic() - started < 5, log.read_text()
            time.sleep(0.1)

    children = subprocess.run(["pgrep", "-f", f"port {api}|port {ui}"], capture_output=True, text=True, check=False)
    deadline = time.monotonic() + 15
    while children.stdout.split() and time.monotonic() < deadline:
        time.sleep(0.2)
        children = subprocess.run(["pgrep", "-f", f"port {api}|port {ui}"], capture_output=True, text=True, check=False)
    assert not children.stdout.split()


def test_with_a_proxy_that_is_dead_everything_on_this_machine_works(up):
    _, api, ui, _ = up
    photo = str(SAMPLES / "espresso.jpg")

    run = subprocess.run(
        [sys.executable, "-m", "sightserve", "classify", "--backend", f"http://127.0.0.1:{api}", photo],
        env=clean_environment(**PROXIES), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    with closing(Browser(f"http://127.0.0.1:{ui}", 20)) as visitor:
        visitor.open()
        visitor.upload("photo", [("espresso.jpg", (SAMPLES / "espresso.jpg").read_bytes())])
        seen = visitor.page.label

    assert (run.returncode, "espresso" in run.stdout) == (0, True), run.stderr
    assert seen == "espresso"


def test_when_one_half_dies_the_other_ends_and_up_says_so(up):
    process, api, ui, log = up
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)

    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)

    assert process.wait(timeout=15) == 1
    assert not listens(api)
    assert not listens(ui)
    assert "ended unexpectedly" in log.read_text()
