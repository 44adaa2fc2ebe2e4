"""Runs the backend: settings in, a listening server out. Starts the first slot before it imports what the server needs."""

import contextlib
import errno
import logging
import os
import socket
from pathlib import Path

from sightserve import malloc
from sightserve.backend import stderr_relay
from sightserve.backend.build import build, start_first_slot
from sightserve.backend.feedback import open_feedback
from sightserve.backend.launch import FirstChild
from sightserve.backend.settings import Settings
from sightserve.logs import lines

_log = logging.getLogger(__name__)
_SECRET_CHARACTERS = 16  # 80 bits in base32: beyond guessing at any rate that we answer
_BACKLOG = 2048  # connections that nobody has accepted yet; uvicorn asks for as many
_FEEDBACK_SECONDS = 1.0  # for what is not written yet, of those in which the server has to end
_EVERYBODY = 0o666  # as uvicorn has it; the folder's own permissions say who gets in


def serve(settings: Settings, first: FirstChild | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Args:
        settings: of the server.
        first: the first slot's process, where it was started before all this was imported.

    Raises:
        ModelLoadError: the model cannot be loaded; nothing was answered yet.
        NoDatabase: feedback cannot be kept where the settings say.
        SlotLost: the first slot did not start.
        OSError: the address cannot be listened on.
    """
    # first, because a busy port is the commonest failure
    listener = _listen_unix(settings.uds) if settings.uds else _listen(settings.host, settings.port)
    with lines.to_stderr(
        as_json=lines.wants_json(settings.log_format), level=settings.log_level, project=settings.google_cloud_project
    ):
        _warn_of_short_keys(settings)
        malloc.give_large_blocks_back()
        try:
            slot = start_first_slot(settings, first)
            # A fifth of a second of imports, which the slot uses to import and load what it needs.
            from sightserve.backend.http.tracing import from_environment  # noqa: PLC0415
            from sightserve.backend.serving.server import run  # noqa: PLC0415

            try:
                feedback = open_feedback(settings)
            except BaseException:
                slot.end()
                raise
            with contextlib.ExitStack() as ending:
                if feedback is not None:
                    _log.info("answers, and what people say of them, are kept for %d days", feedback.info.days)
                    ending.callback(feedback.close, _FEEDBACK_SECONDS)
                run(build(settings, slot, feedback=feedback), [listener], from_environment(os.environ))
        finally:
            stderr_relay.finish()


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
        # now: two that only bind both succeed, and the second would never hear that it came late
        listener.listen(_BACKLOG)
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
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
