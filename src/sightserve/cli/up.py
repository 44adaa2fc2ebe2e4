"""`sightserve up`: both halves together, for a laptop."""

import contextlib
import ipaddress
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Annotated

import typer

from sightserve import lifeline
from sightserve.cli.backend import ApiKey
from sightserve.cli.extras import fail
from sightserve.cli.model_option import MODEL_HELP, find_model
from sightserve.cli.ports import check_free

_START_SECONDS = 60
_HUNG_UP = 128 + signal.SIGHUP
_STOP_SECONDS = 12  # the backend drains for up to 9


def up(
    host: Annotated[str, typer.Option(help="Address that both listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")] = 8000,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web app.")] = 8501,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    api_key: ApiKey = "",
) -> None:
    """Serve the API and the web app together. One Ctrl-C ends both."""
    if port == ui_port:
        fail("the API and the web app need a port each")
    if model is not None:
        find_model(model)  # before anything starts: one sentence, and not the log of a half that ended
    for wanted in (port, ui_port):
        check_free(host, wanted, "choose others with --port and --ui-port, or with make up PORT=... UI_PORT=...")
    api, app = f"http://{_reachable(host)}:{port}", f"http://{_reachable(host)}:{ui_port}"
    halves = {
        "backend": (
            ["serve", "--host", host, "--port", str(port), *(["--model", model] if model is not None else [])],
            f"{api}/health/ready",
        ),
        "web app": (["ui", "--host", host, "--port", str(ui_port)], f"{app}/_stcore/health"),
    }
    environment = {**os.environ, "BACKEND": api} | ({"SIGHTSERVE_API_KEY": api_key} if api_key else {})
    environment = _with_reload(environment, host) | environment
    with _running({name: words for name, (words, _) in halves.items()}, environment) as processes:
        for name, (_, health) in halves.items():
            _wait_until_healthy(name, processes, health)
        typer.echo(f"\n  Web app   {app}\n  API       {api}  (documentation: {api}/docs)\n\n  Ctrl-C ends both.\n")
        _watch(processes)


def _with_reload(environment: Mapping[str, str], host: str) -> dict[str, str]:
    """Return what lets the Teach page put its model in place, where there is that page and no stranger reaches the API."""
    from sightserve.frontend.shared.settings import InvalidSetting, read_settings

    with contextlib.suppress(InvalidSetting):  # the web app says what is wrong
        teaches = read_settings(environment).teach
        if teaches and (_is_loopback(host) or environment.get("SIGHTSERVE_API_KEYS")):
            return {"SIGHTSERVE_ADMIN": "1"}
    return {}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Stopped(BaseException):
    """A signal said stop; `code` is what to end with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@contextlib.contextmanager
def _running(
    commands: dict[str, list[str]], environment: dict[str, str]
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start every command, and end them all on the way out, however that comes about."""
    # SIGTERM (a container's stop) and SIGHUP (the terminal was closed) take the same way out as Ctrl-C.
    for number, code in {signal.SIGTERM: 0, signal.SIGHUP: _HUNG_UP}.items():
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, _stopping(code))
    ours, theirs = os.pipe()[::-1]  # we hold the end for writing: when we are killed, it is closed
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, words in commands.items():
            # A session of its own: the terminal's Ctrl-C reaches only us, and we end the halves in order.
            processes[name] = subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
                [sys.executable, "-m", "sightserve", *words],
                env={**environment, lifeline.VARIABLE: str(theirs)},
                start_new_session=True,
                pass_fds=[theirs],
            )
        os.close(theirs)
        yield processes
    except (KeyboardInterrupt, _Stopped) as stopped:
        with contextlib.suppress(OSError):  # the terminal may be gone
            typer.echo("\nStopping ...", err=True)
        raise typer.Exit(stopped.code if isinstance(stopped, _Stopped) else 130) from None
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
        os.close(ours)


def _stopping(code: int) -> Callable[[int, FrameType | None], None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _Stopped(code)

    return stop


def _wait_until_healthy(name: str, processes: dict[str, subprocess.Popen[bytes]], url: str) -> None:
    import urllib.error
    import urllib.request

    # This machine asks itself: a proxy of the environment has no part in that.
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        _fail_if_ended(processes)
        try:
            with ask.open(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    fail(f"the {name} did not become ready within {_START_SECONDS} seconds", code=1)


def _watch(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    # A closed terminal tells its first process alone, and `make`, where it is that, tells nobody.
    terminal = select.poll()
    if sys.stdin is not None and sys.stdin.isatty():
        terminal.register(sys.stdin.fileno(), 0)
    while True:
        _fail_if_ended(processes)
        if any(event & select.POLLHUP for _, event in terminal.poll(0)):
            raise _Stopped(_HUNG_UP)
        time.sleep(0.5)


def _fail_if_ended(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            fail(f"the {name} ended unexpectedly (exit code {process.returncode}); its last words are above", code=1)


def _reachable(host: str) -> str:
    """Return the name under which this machine reaches an address that it listens on."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not listened on
