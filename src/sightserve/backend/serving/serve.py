"""Runs the backend: settings in, a listening server out. Starts the first slot before it imports what the server needs."""

import gc
import logging
import os
import socket
import tempfile
from functools import partial

from sightserve.backend import logs, memory, slot_stderr
from sightserve.backend.build import build, load, start_first_slot
from sightserve.backend.launch import FirstChild
from sightserve.backend.metrics import SHARED_FOLDER
from sightserve.backend.serving.workers import supervise
from sightserve.backend.settings import Settings

_log = logging.getLogger(__name__)
_SECRET_CHARACTERS = 16  # 80 bits in base32: beyond guessing at any rate that we answer
_BACKLOG = 2048  # connections that nobody has accepted yet; uvicorn asks for as many


def serve(settings: Settings, first: FirstChild | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Args:
        settings: of the server.
        first: the first slot's process, where it was started before all this was imported.

    Raises:
        ModelLoadError: the model cannot be loaded; nothing was answered yet.
        OSError: the address cannot be listened on.
    """
    listener = _listen(settings.host, settings.port)  # first, because a busy port is the commonest failure
    if settings.workers == 1:
        serve_one(settings, [listener], first)
        return
    if first is not None:
        first.child.end()  # the workers start their own
    gc.enable()
    load(settings)  # a wrong model fails here, once, instead of in every worker over and over
    share = max(1, settings.cpus // settings.workers)
    with tempfile.TemporaryDirectory(prefix="sightserve-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder  # inherited by the workers: whichever is scraped speaks for all
        one = partial(serve_one, settings.model_copy(update={"workers": 1, "cpus": share}), [listener])
        with logs.to_stderr(settings):
            supervise(one, settings.workers)


def serve_one(settings: Settings, sockets: list[socket.socket], early: FirstChild | None = None) -> None:
    """Serve in this process; errors as in `serve`."""
    with logs.to_stderr(settings):
        _warn_of_short_keys(settings)
        memory.give_large_blocks_back()
        try:
            first = start_first_slot(settings, early)
            # A fifth of a second of imports, which the slot uses to import and load what it needs.
            from sightserve.backend.serving.server import run  # noqa: PLC0415

            run(build(settings, first), sockets)
        finally:
            slot_stderr.finish()


def _warn_of_short_keys(settings: Settings) -> None:
    short = sum(len(key.get_secret_value()) < _SECRET_CHARACTERS for key in settings.api_keys)
    if short:
        _log.warning("API keys can be guessed: %d have fewer than %d characters", short, _SECRET_CHARACTERS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Now, because two that only bind both succeed, and the second would never hear that it came too late.
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
