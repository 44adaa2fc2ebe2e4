"""Puts a backend on its sockets: the ASGI application, uvicorn around it, and the way to an orderly end."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import time
from types import FrameType

import uvicorn

import sightserve
from sightserve.backend import logs
from sightserve.backend.build import Backend
from sightserve.backend.http.app import create_app
from sightserve.backend.http.door import Door
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.protocol import Bounds, protocol_within
from sightserve.backend.serving import descriptors

_log = logging.getLogger(__name__)
# Cloud Run and Kubernetes kill after 10 seconds or more; the grace before and the slots' end after need some of them.
_DRAIN_SECONDS = 9.0
_COLLECT_AFTER = 10_000  # objects; at 700, as it comes, the collector looks several times a request, and finds nothing


def run(backend: Backend, sockets: list[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return."""
    settings = backend.settings
    access_log = logs.AccessLog() if settings.log_level in {"debug", "info"} else None
    lifecycle = Lifecycle()
    bounds = Bounds(
        settings.header_timeout,
        descriptors.enough_for(settings.max_connections),
        backend.metrics.rejected.labels("connections").inc,
    )
    config = uvicorn.Config(
        create_app(backend, lifecycle, access_log),
        http=protocol_within(bounds, Door(backend, lifecycle, access_log).refusal),
        ws="none",
        proxy_headers=False,  # nothing here depends on who is at the other end
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=max(1, round(_DRAIN_SECONDS - settings.drain_grace)),
    )
    address = "http://{}:{}".format(*sockets[0].getsockname()[:2])
    facts = {
        "version": sightserve.__version__,
        "model": backend.bundle.manifest.name,
        "slots": settings.cpus,
        "batch": settings.batch_size or backend.plan.batch,
        "all_cores_when_alone": backend.plan.wide,
        "inference_ms": round(backend.plan.inference * 1000, 2),
    }
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    _log.info("serving on %s (%s)", address, told, extra={"fields": facts})
    # What was made until now stays for good: without it in every collection, collections are an order of magnitude cheaper.
    # It is not searched for garbage either: of some hundred thousand objects less than one in a hundred is.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    gc.enable()
    Server(config, lifecycle, settings.drain_grace).run(sockets=sockets)


class Server(uvicorn.Server):
    """uvicorn's server with a grace between 'not ready' and the closed port, so that no load balancer is surprised."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, grace: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._grace = grace
        self._close_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end: SIGTERM with the grace, Ctrl-C and any second signal at once."""
        self._lifecycle.start_draining()
        if sig == signal.SIGTERM and self._close_at is None and self._grace > 0:
            self._close_at = time.monotonic() + self._grace
            return
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Run every tenth of a second; return whether to shut down."""
        if self._close_at is not None and time.monotonic() >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order: close the port, answer what was accepted, by whoever of us and the system accepted it."""
        loop = asyncio.get_running_loop()
        for connection in self._close_port(sockets or []):
            await loop.connect_accepted_socket(self._protocol, connection)
        await super().shutdown(sockets)

    def _close_port(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Close the listeners and return the connections that were in their queues.

        The system completes connections before anybody accepts them, and resets those that wait when their listener closes:
        callers who did nothing wrong. So the queue is emptied right before, with nothing in between.
        """
        waiting: list[socket.socket] = []
        for listener in sockets:
            with listener.dup() as last:  # keeps the port open while the event loop lets go of it
                for server in self.servers:
                    server.close()
                listener.close()
                last.setblocking(False)
                with contextlib.suppress(OSError):  # the queue is empty
                    while True:
                        waiting.append(last.accept()[0])
        for connection in waiting:
            connection.setblocking(False)
        return waiting

    def _protocol(self) -> asyncio.Protocol:
        """Return a connection's protocol, made as uvicorn makes it."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made
