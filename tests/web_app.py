"""The real web app in a process of its own, with a folder for temporary files that a test can look into; and visitors."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import SAMPLES
from tests.processes import clean_environment, free_port, running, wait_for

from sightserve.cli.ui import streamlit_command
from sightserve.loadtest.generator.browser import Browser, VisitFailed

MIB = 2**20


@dataclass(frozen=True)
class RunningApp:
    """One web app.

    Attributes:
        url: its address.
        process: it, or `sightserve up` around it.
        temporary: the folder that it takes for temporary files.
    """

    url: str
    process: subprocess.Popen[bytes]
    temporary: Path

    def files(self) -> list[str]:
        """The names of the visitors' files on the disk."""
        return sorted(path.name for path in self.temporary.rglob("*") if path.is_file() and path.name != "owner")

    def memory(self) -> int:
        """Resident memory, MiB; what is freed counts until the next sweep of the collector."""
        fields = dict(line.split(":") for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return int(fields["VmRSS"].split()[0]) // 1024


@contextmanager
def running_app(
    folder: Path, backend: str, half: str = "ui", path: str = "", **environment: str
) -> Iterator[RunningApp]:
    """Run `sightserve ui` or `sightserve up` until the block ends; what ended before is no mistake.

    `path` is the base path that it was given, where it was given one.
    """
    port, temporary = free_port(), folder / "temporary"
    temporary.mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    words = [half, "--ui-port" if half == "up" else "--port", str(port)]
    words += ["--port", str(free_port())] if half == "up" else []
    environment = {"BACKEND": backend, "TMPDIR": str(temporary), **environment}
    log = folder / f"log-{port}"
    with running(*words, health=f"{url}{path}/_stcore/health", log=log, **environment) as process:
        yield RunningApp(url, process, temporary)


_TIDY = """
import functools, runpy
from sightserve.frontend.host import collector
collector.start = functools.partial(collector.start, every=0.5, thaw_after=2.0)
runpy.run_module("sightserve.frontend.host", run_name="__main__", alter_sys=True)
"""


@contextmanager
def running_probe(folder: Path, server: str, script: str = "", **environment: str) -> Iterator[str]:
    """Serve a script of a test's own, with Streamlit's settings as the web app has them; yields its address.

    Args:
        folder: for the files.
        server: what makes `app`, an `st.App` of `script.py` beside it.
        script: what a page runs.
        environment: what it is told.
    """
    (folder / "script.py").write_text(script)
    (folder / "server.py").write_text(server)
    port = free_port()
    command = streamlit_command("127.0.0.1", port)
    command[command.index("run") + 1] = str(folder / "server.py")
    for name in ("server.disconnectedSessionTTL", "runner.postScriptGC"):
        if name in environment:
            command[command.index(f"--{name}") + 1] = environment.pop(name)
    with _served(command, port, folder / "log", environment):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def tidy_app(folder: Path, backend: str, **environment: str) -> Iterator[RunningApp]:
    """Run the web app as `running_app` does, with a collector of garbage that has a quicker clock."""
    temporary = folder / "temporary"
    temporary.mkdir()
    port = free_port()
    command = streamlit_command("127.0.0.1", port)
    module = command.index("-m")
    command[module : module + 2] = ["-c", _TIDY]
    environment = {"BACKEND": backend, "TMPDIR": str(temporary), **environment}
    with _served(command, port, folder / "log", environment) as process:
        yield RunningApp(f"http://127.0.0.1:{port}", process, temporary)


@contextmanager
def _served(
    command: list[str], port: int, log: Path, environment: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=clean_environment(**environment), stdout=output, stderr=output)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=15)


@contextmanager
def visitor(url: str, path: str = "") -> Iterator[Browser]:
    """Somebody who looks at a page within the block, and closes it then."""
    browser = Browser(url, 20)
    try:
        browser.open(path)
        yield browser
    finally:
        browser.close()


def photos(number: int, size: int) -> list[tuple[str, bytes]]:
    """Photos of so many bytes that differ, as a batch takes them."""
    cat = (SAMPLES / "cat.jpg").read_bytes()
    return [(f"{index}.jpg", cat + index.to_bytes(8, "big") + bytes(size - len(cat) - 8)) for index in range(number)]


def bring(browser: Browser, number: int, size: int) -> tuple[int, str]:
    """Send photos in one pick until one is refused; return how many came in, and what was said of the other."""
    browser._pick = time.time_ns() // 1_000_000
    for index, (name, data) in enumerate(photos(number, size)):
        try:
            browser.put_one("photo", index, number, name, data)
        except VisitFailed as failed:
            return index, str(failed)
    return number, ""


@contextmanager
def upload_under_way(browser: Browser, url: str, place: str, data: bytes) -> Iterator[socket.socket]:
    """A file of one part, of which everything is sent but the last byte."""
    address, server = browser.page.address(place, time.time_ns() // 1_000_000, 0, 1, "a.jpg", len(data)), urlsplit(url)
    head = f"PUT {address} HTTP/1.1\r\nHost: {server.netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection((server.hostname or "", server.port or 0), timeout=20) as connection:
        connection.sendall(head.encode() + data[:-1])
        yield connection


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; a test fails when it is not in a very long time."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def ended(process: "subprocess.Popen[bytes]", seconds: float = 20) -> int:
    """Wait until a process has ended; return how."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
    assert process.returncode is not None
    return process.returncode


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process lead to."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(descriptor.readlink()))
    return found
