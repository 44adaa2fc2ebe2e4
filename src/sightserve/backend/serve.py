"""Runs the backend: settings in, a listening server out."""

import socket
import warnings

import structlog
import uvicorn

import sightserve
from sightserve.backend import logs
from sightserve.backend.build import build
from sightserve.backend.http.app import create_app
from sightserve.backend.settings import Settings

_log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return.

    Raises:
        ModelLoadError: the model cannot be loaded; nothing listened yet.
        OSError: the address cannot be listened on.
    """
    logs.configure(settings)
    # Pillow warns on stderr about oddities in strangers' files: noise that anybody could fill a disk with.
    warnings.filterwarnings("ignore", module="PIL")
    listener = _listen(settings.host, settings.port)  # first, because a busy port is the commonest failure
    backend = build(settings)
    _log.info(
        "serving",
        version=sightserve.__version__,
        address="http://{}:{}".format(*listener.getsockname()[:2]),
        model=backend.bundle.manifest.name,
        cpus=settings.cpus,
    )
    config = uvicorn.Config(
        create_app(backend),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=9,  # Cloud Run and Kubernetes kill after 10 seconds or more
    )
    uvicorn.Server(config).run(sockets=[listener])


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
