"""Runs the backend: settings in, a listening server out. Starts the first slot before it imports what the server needs."""

import errno
import gc
import os
import socket
import tempfile
from functools import partial
from pathlib import Path

from sightserve.backend import logs, memory
from sightserve.backend.build import build, load, start_first_slot
from sightserve.backend.launch import Spawned
from sightserve.backend.metrics import SHARED_FOLDER
from sightserve.backend.serving.workers import supervise
from sightserve.backend.settings import Settings

_EVERYBODY = 0o666  # as uvicorn has it; the folder's own permissions say who gets in


def serve(settings: Settings, first: Spawned | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Args:
        settings: of the server.
        first: the first slot's process, where it was started before all this was imported.

    Raises:
        ModelLoadError: the model cannot be loaded; nothing listened yet.
        OSError: the address cannot be listened on.
    """
    # first, because a busy port is the commonest failure
    listener = _listen_unix(settings.uds) if settings.uds else _listen(settings.host, settings.port)
    if settings.workers == 1:
        serve_one(settings, [listener], first)
        return
    if first is not None:
        first.end()  # the workers start their own
    gc.enable()
    load(settings)  # a wrong model fails here, once, instead of in every worker over and over
    logs.configure(settings)
    share = max(1, settings.cpus // settings.workers)
    with tempfile.TemporaryDirectory(prefix="sightserve-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder  # inherited by the workers: whichever is scraped speaks for all
        one = partial(serve_one, settings.model_copy(update={"workers": 1, "cpus": share}), [listener])
        supervise(one, settings.workers)


def serve_one(settings: Settings, sockets: list[socket.socket], spawned: Spawned | None = None) -> None:
    """Serve in this process; errors as in `serve`."""
    logs.configure(settings)
    memory.give_large_blocks_back()
    first = start_first_slot(settings, spawned)
    # A fifth of a second of imports, which the slot uses to import and load what it needs.
    from sightserve.backend.serving.server import run  # noqa: PLC0415

    run(build(settings, first), sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _listen_unix(path: Path) -> socket.socket:
    """Listen on a socket in the file system; one that a killed server left behind is replaced, a living one's is busy."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if path.is_socket() and probe.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()
        listener.bind(str(path))
        path.chmod(_EVERYBODY)
    except OSError:
        listener.close()
        raise
    return listener
