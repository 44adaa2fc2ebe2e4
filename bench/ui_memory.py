"""How much memory one visitor of the web app costs: `python bench/ui_memory.py --sessions 50`.

Starts both halves, opens sessions as a browser does (a websocket, the script run once), and reads the web app's resident
memory. Sessions are opened on the empty Photo page, then each is asked for a sample's answer, with its pictures.
"""

import argparse
import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    sessions = parser.parse_args().sessions
    with _both_halves() as (ui_port, pid), contextlib.ExitStack() as visitors:
        visitors.enter_context(_visitor(ui_port, "sample=cat"))  # what is loaded once is no session's
        base = _resident_mib(pid)
        opened = [visitors.enter_context(_visitor(ui_port, "")) for _ in range(sessions)]
        empty = _resident_mib(pid)
        for visitor in opened:
            _run(visitor, "sample=mountains")
        answered = _resident_mib(pid)
    print(f"web app with one visitor:        {base:7.1f} MiB")
    print(f"a visitor on the empty page:     {(empty - base) / sessions:7.2f} MiB  (mean of {sessions})")
    print(f"a visitor with one answer:       {(answered - base) / sessions:7.2f} MiB")


@contextlib.contextmanager
def _visitor(port: int, query: str) -> Iterator[ClientConnection]:
    address, origin = f"ws://127.0.0.1:{port}/_stcore/stream", f"http://127.0.0.1:{port}"
    with connect(address, origin=origin, subprotocols=["streamlit"], max_size=None) as visitor:
        _run(visitor, query)
        yield visitor


def _run(visitor: ClientConnection, query: str) -> None:
    """Run the app's script once and wait for its end, as a browser does when a page is opened."""
    message = BackMsg()
    message.rerun_script.query_string = query
    visitor.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(visitor.recv(timeout=60))  # type: ignore[arg-type]
        if answer.WhichOneof("type") == "script_finished":
            return


@contextlib.contextmanager
def _both_halves() -> Iterator[tuple[int, int]]:
    api, ui = _free_port(), _free_port()
    command = [sys.executable, "-m", "sightserve", "up", "--port", str(api), "--ui-port", str(ui)]
    up = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for address in (f"http://127.0.0.1:{api}/health/ready", f"http://127.0.0.1:{ui}/_stcore/health"):
            _wait_for(address)
        yield ui, _child(up.pid, "streamlit")
    finally:
        up.terminate()
        up.wait(timeout=20)


def _wait_for(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.1)
    raise SystemExit(f"{address} did not answer")


def _child(parent: int, word: str) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(int(pid) for pid in children if word in Path(f"/proc/{pid}/cmdline").read_text())


def _resident_mib(pid: int) -> float:
    time.sleep(1)
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
