"""Puts a backend on its sockets: the ASGI application, uvicorn around it, and the way to an orderly end."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

import sightserve
from sightserve.backend.build import Backend
from sightserve.backend.http.app import create_app
from sightserve.backend.http.connections import Bounds, Connections
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.middleware import Ledger
from sightserve.backend.http.tracing import Tracing
from sightserve.backend.reload import Reloader
from sightserve.backend.serving import descriptors
from sightserve.logs import lines

_log = logging.getLogger(__name__)
# Cloud Run and Kubernetes kill after 10 seconds or more; the grace before and the slots' end after need some of them.
_DRAIN_SECONDS = 9.0
_COLLECT_AFTER = 10_000  # objects; at 700, as it comes, the collector looks several times a request, and finds nothing


def run(backend: Backend, sockets: list[socket.socket], tracing: Tracing | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was accepted and return."""
    settings = backend.settings
    access_log = lines.AccessLog() if settings.log_level in {"debug", "info"} else None
    lifecycle, reloader = Lifecycle(), Reloader(backend)
    connections = Connections(
        Bounds(
            settings.header_timeout,
            settings.keep_alive,
            descriptors.enough_for(settings.max_connections, settings.cpus),
        ),
        on_excess=backend.metrics.rejected.labels("connections").inc,
        on_answer=Ledger(backend.metrics, access_log).note_unread,
    )
    config = uvicorn.Config(
        create_app(backend, lifecycle, access_log, tracing, reloader),
        http=connections,  # type: ignore[arg-type]  # called like the class that it stands for
        ws="none",
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type]  # handed on to `call_later`
        root_path=settings.root_path,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips,
        ssl_certfile=settings.ssl_certfile,
        ssl_keyfile=settings.ssl_keyfile,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(_DRAIN_SECONDS - settings.drain_grace)),
    )
    # With what uvicorn says of requests that it cannot read anybody could fill a disk; they are counted and logged elsewhere.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: record.module != "httptools_impl" or record.levelno > logging.WARNING
    )
    name = sockets[0].getsockname()
    address = f"{'https' if config.is_ssl else 'http'}://{name[0]}:{name[1]}" if isinstance(name, tuple) else name
    facts = {
        "version": sightserve.__version__,
        "model": backend.bundle.manifest.name,
        "slots": settings.cpus,
        "batch": backend.scheduler.batch,
        "threads_when_alone": backend.threads_when_alone,
        "inference_ms": round(backend.plan.inference * 1000, 2),
        "photos_a_second": float(f"{backend.rate:.2g}"),
        "deadline_ms": round(backend.deadline * 1000),
    }
    told = ", ".join(f"{name} {value}" for name, value in facts.items())
    _log.info("serving on %s (%s)", address, told, extra={"fields": facts})
    # What was made until now stays for good: without it in every collection, collections are an order of magnitude cheaper.
    # It is not searched for garbage either: of some hundred thousand objects less than one in a hundred is.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    gc.enable()
    try:
        Server(config, connections, lifecycle, settings.drain_grace, reloader.request).run(sockets=sockets)
    finally:
        if tracing is not None:
            tracing.close()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


class Server(uvicorn.Server):
    """uvicorn's server with a grace between 'not ready' and the closed port, so that no load balancer is surprised."""

    def __init__(
        self,
        config: uvicorn.Config,
        connections: Connections,
        lifecycle: Lifecycle,
        grace: float,
        on_hangup: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._lifecycle = lifecycle
        self._grace = grace
        self._on_hangup = on_hangup
        self._close_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and from then on take SIGHUP for what it means to a daemon; at a terminal it still means that this is gone."""
        await super().startup(sockets)
        if self._on_hangup is not None and not _has_terminal() and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end: SIGTERM with the grace, Ctrl-C and any second signal at once.

        SIGTERM is not uvicorn's to take: it would raise it once more at the end, and what is not logged by then never is.
        """
        self._lifecycle.start_draining()
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif self._close_at is None:
            self._close_at = time.monotonic() + self._grace
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Run every tenth of a second; return whether to shut down."""
        if self._close_at is not None and time.monotonic() >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order: close the port, answer what was accepted, by whoever of us and the system accepted it."""
        loop = asyncio.get_running_loop()
        for connection in self._close_port(sockets or []):
            await loop.connect_accepted_socket(self._protocol, connection, ssl=self.config.ssl)
        await self._connections.last_call()
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
        return self._connections(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
