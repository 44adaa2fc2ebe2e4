"""The end of a server's port. What a whole server does at SIGTERM is in `tests/contract/test_lifecycle.py`."""

import asyncio
import socket

import pytest
import uvicorn

from sightserve.backend.http.connections import Bounds, Connections
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.serving.server import Server

_ANSWER = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
    {"type": "http.response.body", "body": b"ok"},
]


async def _app(scope, receive, send):
    if scope["type"] == "http":
        for message in _ANSWER:
            await send(message)


def test_who_connected_before_the_port_closed_is_answered_though_nobody_had_accepted_yet():
    """The system completes a connection by itself; closing the listener would reset it."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    connections = Connections(Bounds(5.0))
    config = uvicorn.Config(_app, http=connections, lifespan="off", log_config=None)  # type: ignore[arg-type]
    config.load()
    server = Server(config, connections, Lifecycle(), grace=0.0)
    server.lifespan = config.lifespan_class(config)
    server.servers = []

    with socket.create_connection(address, timeout=5) as early:
        early.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        asyncio.run(server.shutdown([listener]))
        answer = early.recv(1000)

    assert answer.startswith(b"HTTP/1.1 200")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
