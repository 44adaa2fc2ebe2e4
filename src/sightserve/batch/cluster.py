"""A Ray cluster: joined at an address, or started on this machine and ended with us. Nothing else imports Ray."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sightserve.batch.errors import BatchError
from sightserve.installing import more

LOCAL: Final = "local"
_CLIENT: Final = "ray://"
_CONNECT: Final = 5.0  # seconds for a connection
_ANSWER: Final = 20.0  # seconds for the head to answer, Ray's own start included; by itself Ray tries for minutes
_STORE: Final = 256 * 2**20  # bytes of a local cluster's object store: paths and answers are small
_TRIAL: Final = """
import sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
except Exception as exc:
    sys.exit("Ray says: " + " ".join(str(exc).split()))
"""
_SAYS: Final = "Ray says: "
_PORTS: Final = {True: 10_001, False: 6_379}  # of Ray's client server, and of the head


class Cluster:
    """A cluster that this process has joined.

    Attributes:
        ray: the module.
        by_client: joined by Ray Client, which knows no tasks that tell how far they are.
    """

    def __init__(self, address: str, *, cpus: int, store: int) -> None:
        """Join it, or start it where the address is `local`.

        Args:
            address: `local`, `auto`, HOST:PORT of a head, or ray://HOST:PORT.
            cpus: of a local one.
            store: bytes that a local one's object store has to have room for.

        Raises:
            BatchError: Ray is not installed, or there is no such cluster that we can join; the message says why.
        """
        # before the import: Ray reads them there. Nothing is sent to anybody, and what is odd is ours to say.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray  # noqa: PLC0415
        except ImportError as exc:
            raise BatchError(f"--ray needs Ray, which is not installed: {more('batch,ray')}") from exc
        self.ray: Any = ray
        self.address = address
        self.by_client = address.startswith(_CLIENT)
        self._folder: str | None = None
        how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address == LOCAL:
            self._folder = tempfile.mkdtemp(prefix="sightserve-ray-", dir=_short())
            how |= {"address": LOCAL, "num_cpus": cpus, "include_dashboard": False, "_temp_dir": self._folder}
            how["object_store_memory"] = max(_STORE, 2 * store)
        else:
            how["address"] = _checked(address)
        try:
            with _signals_kept():
                self._context = ray.init(**how)
        except (Exception, SystemExit) as exc:
            self.leave()
            raise BatchError(f"the Ray cluster {address} cannot be joined: {_why(str(exc))}") from exc

    def cpus(self) -> tuple[float, float]:
        """Return how many CPUs there are, and how many of them are free."""
        return self.ray.cluster_resources().get("CPU", 0.0), self.ray.available_resources().get("CPU", 0.0)

    def store(self) -> float:
        """Return the bytes of all object stores."""
        return float(self.ray.cluster_resources().get("object_store_memory", 0.0))

    def alive(self) -> set[str]:
        """Return the nodes that are there."""
        return {node["NodeID"] for node in self.ray.nodes() if node["Alive"]}

    def leave(self) -> None:
        """Leave it, which ends all that we have under way there; a local one ends."""
        with _signals_kept():
            self.ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _checked(address: str) -> str:
    """Return an address at which a cluster's head answers.

    Raises:
        BatchError: none does.
    """
    by_client = address.startswith(_CLIENT)
    if address != "auto":
        host, _, port = address.removeprefix(_CLIENT).rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 2**16:
            example = f"{_CLIENT if by_client else ''}HOST:{_PORTS[by_client]}"
            raise BatchError(
                f"--ray takes local, auto, HOST:{_PORTS[False]} or ray://HOST:{_PORTS[True]}, as {example}"
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT).close()
        except OSError as exc:
            raise BatchError(
                f"nobody answers at {address}: {exc.strerror or exc}. Is the cluster's head there?"
            ) from exc
    if by_client and not _can_be_client():
        raise BatchError(
            f"{_CLIENT} addresses need Ray's client: pip install 'ray[client]'; or run it on a node, with --ray auto"
        )
    _try(address)
    return address


def _try(address: str) -> None:
    """Join it in a process that can be given up: by itself Ray tries for minutes, and no signal ends that.

    Raises:
        BatchError: it does not work.
    """
    words = [sys.executable, "-c", _TRIAL, address]
    try:
        done = subprocess.run(words, check=False, capture_output=True, timeout=_ANSWER)  # noqa: S603 - ours
        told, said = done.stderr, "it does not say why"
        if not done.returncode:
            return
    except subprocess.TimeoutExpired as exc:
        told, said = exc.stderr or b"", "what listens there does not answer as a Ray cluster does"
    lines = [line for line in told.decode(errors="replace").splitlines() if line.strip()]
    if any("uthentication token" in line for line in lines):
        said = "it asks for a token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the file that has it"
    elif lines and _SAYS in lines[-1]:
        said = _why(lines[-1].partition(_SAYS)[2])
    raise BatchError(f"the Ray cluster {address} cannot be joined: {said}")


def _can_be_client() -> bool:
    try:
        import grpc  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _why(said: str) -> str:
    """Return what Ray says in one line, with what to do about it first."""
    said = " ".join(said.split())[:500] or "it does not say why"
    if "ersion mismatch" in said:
        return f"it runs another Ray or Python. {said}"
    if "raylet" in said.lower():
        return (
            f"this machine is none of its nodes; run it on one (`ray job submit`, --ray auto), or give ray://. {said}"
        )
    return said


def _short() -> str:
    """Return a folder for a local cluster's sockets, whose paths must not be long."""
    usual = tempfile.gettempdir()
    return usual if len(usual) < 25 or not Path("/tmp").is_dir() else "/tmp"  # noqa: PLR2004, S108 - of 107 characters


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Have the signals' handlers as they were: Ray puts its own in the place of SIGTERM's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
