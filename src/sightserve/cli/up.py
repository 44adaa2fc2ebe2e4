"""`sightserve up`: both halves together, for a laptop."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Annotated

import typer

from sightserve.cli.extras import fail

_START_SECONDS = 60
_STOP_SECONDS = 12  # the backend drains for up to 9


def up(
    host: Annotated[str, typer.Option(help="Address that both listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API.")] = 8000,
    ui_port: Annotated[int, typer.Option(help="Port of the web app.")] = 8501,
) -> None:
    """Serve the API and the web app together. One Ctrl-C ends both."""
    for wanted in (port, ui_port):
        if not _is_free(host, wanted):
            fail(f"port {wanted} is taken: end what listens there, or choose others with --port and --ui-port", code=1)
    api, app = f"http://{_reachable(host)}:{port}", f"http://{_reachable(host)}:{ui_port}"
    halves = {
        "backend": (["serve", "--host", host, "--port", str(port)], f"{api}/health/ready"),
        "web app": (["ui", "--host", host, "--port", str(ui_port)], f"{app}/_stcore/health"),
    }
    with _running({name: words for name, (words, _) in halves.items()}, {**os.environ, "BACKEND": api}) as processes:
        for name, (_, health) in halves.items():
            _wait_until_healthy(name, processes, health)
        typer.echo(f"\n  Web app   {app}\n  API       {api}  (documentation: {api}/docs)\n\n  Ctrl-C ends both.\n")
        _watch(processes)


@contextlib.contextmanager
def _running(
    commands: dict[str, list[str]], environment: dict[str, str]
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start every command, and end them all on the way out, however that comes about."""
    # SIGTERM (a container's stop) takes the same way out as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, words in commands.items():
            # A session of its own: the terminal's Ctrl-C reaches only us, and we end the halves in order.
            processes[name] = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
                [sys.executable, "-m", "sightserve", *words], env=environment, start_new_session=True
            )
        yield processes
    except KeyboardInterrupt:
        typer.echo("\nStopping ...", err=True)
        raise typer.Exit(0) from None
    finally:
        for process in processes.values():
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in processes.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _wait_until_healthy(name: str, processes: dict[str, subprocess.Popen[bytes]], url: str) -> None:
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        _fail_if_ended(processes)
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    fail(f"the {name} did not become ready within {_START_SECONDS} seconds", code=1)


def _watch(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    while True:
        _fail_if_ended(processes)
        time.sleep(0.5)


def _fail_if_ended(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            fail(f"the {name} ended unexpectedly (exit code {process.returncode}); its last words are above", code=1)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _reachable(host: str) -> str:
    """Return the name under which this machine reaches an address that it listens on."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not listened on
