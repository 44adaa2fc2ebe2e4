"""`sightserve ui`: the web app."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sightserve.cli.extras import needs


def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; PORT sets it too.", envvar="PORT")] = 8501,
) -> None:
    """Serve the web app until Ctrl-C. It finds the backend at BACKEND, or at http://127.0.0.1:8000."""
    with needs("frontend"):
        if importlib.util.find_spec("streamlit") is None:
            raise ModuleNotFoundError(name="streamlit")
    command = streamlit_command(host, port)
    # Streamlit replaces this process, so that signals reach it and nothing stands between it and its supervisor.
    os.execv(command[0], command)  # noqa: S606 - no shell, and every word is ours


def streamlit_command(host: str, port: int) -> list[str]:
    """Return the command line that serves the web app."""
    script = Path(__file__).parents[1] / "frontend" / "app.py"
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": "true",
        "server.maxUploadSize": "30",  # MiB, the backend's default limit
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(script), *flags]
