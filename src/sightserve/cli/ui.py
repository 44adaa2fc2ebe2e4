"""`sightserve ui`: the web app."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sightserve.cli.backend import ApiKey
from sightserve.cli.extras import fail, needs
from sightserve.cli.ports import check_free


def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port to listen on; PORT sets it too.", envvar="PORT")
    ] = 8501,
    base_path: Annotated[
        str | None,
        typer.Option(
            help="Where a proxy that does not strip it has the web app, such as /tools/sight (default: its root)."
        ),
    ] = None,
    api_key: ApiKey = "",
) -> None:
    """Serve the web app until Ctrl-C. It finds the backend at BACKEND, on Cloud Run, or at http://127.0.0.1:8000."""
    with needs("frontend"):
        if importlib.util.find_spec("streamlit") is None:
            raise ModuleNotFoundError(name="streamlit")
    from sightserve.client.discovery import API_KEY_VARIABLE, read_places
    from sightserve.frontend.shared.settings import read_log_settings, settings
    from sightserve.logs.lines import wants_json

    if api_key:
        os.environ[API_KEY_VARIABLE] = api_key
    if base_path is not None:
        os.environ["SIGHTSERVE_UI_BASE_PATH"] = base_path
    try:
        wanted, log = settings(), read_log_settings(os.environ)
        read_places()
    except ValueError as exc:  # InvalidSetting is one too
        fail(str(exc), code=2)
    command = streamlit_command(
        host,
        port,
        session_seconds=wanted.session_seconds,
        allowed_hosts=wanted.hosts,
        base_path=wanted.base_path,
        log_level=log.level,
        greeting=not wants_json(log.format),
    )
    check_free(host, port)
    if wanted.metrics_port:
        if wanted.metrics_port == port:
            fail("the web app and its metrics need a port each: SIGHTSERVE_UI_METRICS_PORT is the page's")
        check_free(host, wanted.metrics_port, "choose another with SIGHTSERVE_UI_METRICS_PORT")
    # Streamlit replaces this process, so that signals reach it and nothing stands between it and its supervisor.
    os.execv(command[0], command)  # noqa: S606 - no shell, and every word is ours


def streamlit_command(
    host: str,
    port: int,
    *,
    session_seconds: int = 120,
    allowed_hosts: list[str] | None = None,
    base_path: str = "",
    log_level: str = "info",
    greeting: bool = True,
) -> list[str]:
    """Return the command line that serves the web app."""
    frontend = Path(__file__).parents[1] / "frontend"
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.baseUrlPath": base_path,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",  # the protection: pages of other hosts may not open its websocket
        # frontend/host/housekeeping.py ends sessions; it cannot end what Streamlit takes for over already, and keeps
        "server.disconnectedSessionTTL": str(2 * session_seconds + 60),
        "browser.gatherUsageStats": "false",
        "logger.level": "info" if log_level == "debug" else log_level,  # its debug lines have names of people's files
        "logger.enableRich": "false",  # a traceback drawn with boxes is no line of a log
        "logger.hideWelcomeMessage": str(not greeting).lower(),
        "runner.postScriptGC": "false",  # frontend/host/collector.py does better
        "global.disableWidgetStateDuplicationWarning": "true",  # it takes a value from the address for a mistake
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "theme.base": str(frontend / "theme.toml"),
    }
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        # Streamlit shows addresses at its start, and would ask a stranger on the internet for this machine's.
        options["browser.serverAddress"] = "localhost"
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    hosts = [word for name in allowed_hosts or [] for word in ("--server.allowedHosts", name)]
    return [
        sys.executable,
        "-m",
        "sightserve.frontend.host",
        "run",
        str(frontend / "host" / "server.py"),
        *flags,
        *hosts,
    ]
