"""One sequence of bytes, read twice: by our server's own stack with an application that only notes, and by h11."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import h11
import uvicorn

from sightserve.backend.http.connections import Bounds, Connections
from sightserve.backend.http.lifecycle import Lifecycle
from sightserve.backend.http.middleware import read_head
from sightserve.backend.serving.server import Server


@dataclass(frozen=True)
class Request:
    """What was understood of one request whose body is whole."""

    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: str


def by_h11(data: bytes) -> tuple[list[Request], bool]:
    """Return the requests that h11 reads, and whether it takes the rest for no HTTP."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=65_536)
    connection.receive_data(data)
    found: list[Request] = []
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                head, body = event, hashlib.sha256()
            elif isinstance(event, h11.Data):
                body.update(event.data)
            elif isinstance(event, h11.EndOfMessage):
                target, _, query = head.target.partition(b"?")
                headers = tuple((name.lower(), value) for name, value in head.headers)
                path = unquote(target.decode("ascii"))
                found.append(Request(head.method.decode(), path, query, headers, body.hexdigest()))
                connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    return found, False
                connection.start_next_cycle()
            else:
                return found, False
    except h11.RemoteProtocolError:
        return found, True


def by_us(data: bytes, cuts: Sequence[int] = ()) -> tuple[list[Request], bool]:
    """Return the requests that an application behind our server's stack sees, and whether the rest was refused.

    Args:
        data: that a client sends before it reads.
        cuts: where it pauses, so that the server reads in pieces.
    """
    return asyncio.run(_by_us(data, cuts))


async def _by_us(data: bytes, cuts: Sequence[int]) -> tuple[list[Request], bool]:
    found: list[Request] = []
    refused: list[int] = []

    async def note(scope, receive, send):
        status = b"200"
        if read_head(scope["headers"]).wrong(scope["http_version"]):
            refused.append(400)
            status = b"400"
        body, more = hashlib.sha256(), True
        while more and status == b"200":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body.update(message["body"])
            more = message["more_body"]
        if status == b"200":
            found.append(
                Request(
                    scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]), body.hexdigest()
                )
            )
        headers = [(b"content-length", b"0")] + ([(b"connection", b"close")] if status == b"400" else [])
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body"})

    connections = Connections(Bounds(2.0), on_answer=lambda status, _id: refused.append(status))
    config = uvicorn.Config(note, http=connections, ws="none", lifespan="off", log_config=None)  # type: ignore[arg-type]
    config.load()
    server = Server(config, connections, Lifecycle(), grace=0.0)
    loop = asyncio.get_running_loop()
    server.lifespan = config.lifespan_class(config)
    listener = await loop.create_server(
        lambda: connections(config=config, server_state=server.server_state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    try:
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            writer.write(data[start:end])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()  # what is whole is answered, then the server closes
        async with asyncio.timeout(10):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        pass
    writer.close()
    listener.close()
    while len(connections):  # noqa: ASYNC110 - a moment
        await asyncio.sleep(0.001)
    return found, bool(refused)
