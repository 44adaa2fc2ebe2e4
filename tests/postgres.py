"""A real PostgreSQL server of a test's own, which it may kill."""

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.processes import free_port


def _binaries() -> Path:
    """Return where the server's programs are; skips the test where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    found = folders[-1] if folders else shutil.which("postgres")
    if found is None:
        pytest.skip("needs PostgreSQL (tools/install_postgresql.sh)")
    return Path(found).parent


class Postgres:
    """A cluster on this machine, without a password, whose files are only as safe as a test needs."""

    def __init__(self, folder: Path) -> None:
        self._bin = _binaries()
        self._data = folder / "data"
        self._log = folder / "log"
        # it refuses to run as root
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.port = free_port()
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale"
        )
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def sockets(self) -> str:
        """The folder of its socket, and the port that the socket is named after, as a URL has them."""
        return f"{self._data}&port={self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._launch()
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        assert self._server is not None
        for _ in range(300):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            if self._server.poll() is not None:  # what is left of one that was killed is still ending
                time.sleep(0.2)
                self._launch()
            time.sleep(0.05)
        raise AssertionError(self._log.read_text())

    def _launch(self) -> None:
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [
                    str(self._bin / "postgres"),
                    *("-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._data)),
                    *("-c", "fsync=off", "-c", "max_connections=40", "-c", "shared_buffers=16MB"),
                ],
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self._user,
            )

    def kill(self) -> None:
        """Kill it and all of its processes, as a machine that loses its power does."""
        self._signal(signal.SIGKILL)
        self._wait()
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """End it at once, in order."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._wait()

    def freeze(self) -> None:
        """Let it answer nobody, with its connections open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """Signal it and its processes, each of which leads a session of its own."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for process in (self._server.pid, *map(int, children)):
            os.kill(process, number)

    def _wait(self) -> None:
        assert self._server is not None
        self._server.wait(20)

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *words], capture_output=True, text=True, check=False, cwd="/", **self._user
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run one in a folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="sightserve-postgres-"))
    try:
        server = Postgres(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Cut:
    """A way to the server that ends, so many times, where a commit would be answered."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._server) as far:
            while True:
                for end in select.select([near, far], [], [])[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    # the tag of a finished COMMIT, as the server says it
                    if end is far and b"COMMIT\0" in data and self.cuts:
                        self.cuts -= 1
                        return
                    (far if end is near else near).sendall(data)


@contextmanager
def cut_after_commit(url: str) -> Iterator[Cut]:
    """Go to a server of this address through something that may be cut."""
    through = Cut(url)
    try:
        yield through
    finally:
        through.close()
