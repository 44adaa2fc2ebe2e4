"""What a connection may take, on a clock that the test holds; what it says and hears is in `tests/contract/test_http.py`."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from sightserve.backend.http.connections import Bounds, Connections
from sightserve.backend.http.disconnect import current
from sightserve.backend.http.guard import Guard

BOUNDS = Bounds(header_timeout=10.0, keep_alive=600.0, connections=2)
LATER = 11.0  # seconds: more than a head may take, and less than a pause between two requests
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


class Seen:
    """A server with an application that answers when it is let, and all guards that it made."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.answers: list[int] = []
        self.connections = Connections(
            BOUNDS, on_excess=self.count, on_answer=lambda status, _id: self.answers.append(status)
        )
        self.excess = 0
        self.gone = 0
        self.reads = False
        self.go = asyncio.Event()
        self.go.set()
        self.body = b"ok"
        self.address: tuple[str, int] = ("", 0)

    async def app(self, scope, receive, send):
        def leave() -> None:
            self.gone += 1

        while self.reads and (await receive())["more_body"]:
            pass
        with current().calling(leave):
            await self.go.wait()
        headers = [(b"content-length", b"%d" % len(self.body))]
        if scope["method"] == "POST":
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def count(self) -> None:
        self.excess += 1

    async def connect(self, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Guard]:
        before = len(self.guards)
        reader, writer = await asyncio.open_connection(*self.address)
        self.writers.append(writer)
        writer.write(data)
        while len(self.guards) == before:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        return reader, writer, self.guards[-1]


@asynccontextmanager
async def serving():
    seen = Seen()
    connections = seen.connections
    config = uvicorn.Config(seen.app, http=connections, interface="asgi3", lifespan="off", log_config=None)  # type: ignore[arg-type]
    config.load()
    state = ServerState()

    def made() -> Guard:
        guard = connections(config, state, {})
        assert isinstance(guard, Guard)
        seen.guards.append(guard)
        return guard

    listener = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    seen.address = listener.sockets[0].getsockname()
    try:
        yield seen
    finally:
        listener.close()
        seen.go.set()
        for writer in seen.writers:
            writer.transport.abort()
        while len(connections):  # noqa: ASYNC110 - a moment
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)


def run(test: Callable[[Seen], Coroutine[None, None, None]]) -> None:
    async def with_server() -> None:
        async with serving() as seen:
            await test(seen)

    asyncio.run(with_server())


async def send(writer: asyncio.StreamWriter, count: int) -> None:
    for _ in range(count // 65_536):
        writer.write(bytes(65_536))
        await writer.drain()


def wait(guard: Guard, seconds: float) -> None:
    """Look at a connection now and so many seconds later, as the clock of `Connections` would."""
    now = asyncio.get_running_loop().time()
    guard.check(now)
    guard.check(now + seconds)


@pytest.mark.parametrize(
    ("sent", "seconds", "stays"),
    [
        (b"", 9, True),
        (b"", LATER, False),
        (b"GET / HT", LATER, False),
        (b"\r\n", LATER, False),
        (GET, LATER, True),
        (GET, 601, False),
        (GET + b"GET /", LATER, False),
    ],
)
def test_a_head_has_its_time_and_a_pause_between_requests_another(sent, seconds, stays):
    async def test(seen):
        _, _, guard = await seen.connect(sent)

        wait(guard, seconds)

        assert guard.closing is not stays

    run(test)


def test_a_request_at_work_is_waited_for_and_its_client_who_leaves_is_noticed():
    async def test(seen):
        seen.go.clear()
        _, writer, guard = await seen.connect(GET)

        wait(guard, 3600)
        assert not guard.closing
        writer.close()
        await asyncio.sleep(0.02)

        assert seen.gone == 1

    run(test)


def test_an_answer_that_is_made_when_its_client_says_that_it_is_done_leaves_all_the_same():
    """uvloop may hear of the end between an answer and the moment in which it is written."""

    async def test(seen: Seen) -> None:
        seen.go.clear()
        reader, _, guard = await seen.connect(GET)
        flush = guard._flush

        def hears_of_the_end_first() -> None:
            assert not guard.eof_received()
            guard._transport.close()  # as the loop does then
            flush()

        guard._flush = hears_of_the_end_first  # type: ignore[method-assign]
        seen.go.set()
        answer = await reader.read()

        assert answer.endswith(b"ok")

    run(test)


def test_a_client_who_leaves_after_a_large_body_is_noticed_too():
    """uvicorn reads nothing more then, until somebody asks for the body; and who does not read does not hear."""

    async def test(seen):
        seen.go.clear()
        seen.reads = True
        _, writer, _ = await seen.connect(POST.replace(b"5", b"200000") + bytes(200_000))

        writer.close()
        await asyncio.sleep(0.02)

        assert seen.gone == 1

    run(test)


def test_a_reader_that_takes_something_is_waited_for_and_one_that_takes_nothing_is_not():
    async def test(seen):
        seen.body = bytes(30_000_000)
        reader, _, guard = await seen.connect(GET)
        now = asyncio.get_running_loop().time()

        for turn in range(1, 5):  # 9 s each, and something is taken in between
            guard.check(now + 9 * turn)
            await reader.readexactly(4_000_000)
            await asyncio.sleep(0.02)
        assert not guard.closing
        guard.check(now + 9 * 5)
        guard.check(now + 9 * 5 + LATER)

        assert guard.closing

    run(test)


def test_what_comes_after_an_early_answer_is_dropped_for_a_while():
    async def test(seen):
        reader, writer, guard = await seen.connect(POST.replace(b"5", b"90000000"))
        answer = await reader.readuntil(b"\r\n\r\nok")
        assert await reader.read() == b""  # its side is closed, and it still takes what comes

        writer.write(bytes(5_000_000))
        await writer.drain()
        assert answer.startswith(b"HTTP/1.1 200")
        guard.check(asyncio.get_running_loop().time() + 3)  # seconds without a byte
        await asyncio.sleep(0.02)

        assert guard.closing
        with pytest.raises(ConnectionError):
            await send(writer, 5_000_000)

    run(test)


def test_what_comes_after_an_early_answer_has_a_limit():
    async def test(seen):
        _, writer, _ = await seen.connect(POST.replace(b"5", b"9000000000"))

        with pytest.raises(ConnectionError):
            await send(writer, 130_000_000)

    run(test)


def test_a_connection_too_many_is_told_so_and_the_place_of_one_that_ends_is_free():
    async def test(seen):
        _, first, _ = await seen.connect(GET)
        await seen.connect(GET)

        reader, writer, _ = await seen.connect(POST + b"hello")
        told = await reader.read()
        assert told.startswith(b"HTTP/1.1 503 ")
        assert (seen.excess, seen.answers) == (1, [503])
        writer.close()
        first.close()
        await asyncio.sleep(0.02)
        reader, _, _ = await seen.connect(GET)

        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")

    run(test)


@pytest.mark.slow
def test_nobody_waits_for_a_floods_last_words():
    """Those that are told that they are too many are bounded as well: the longest there is ended first."""

    async def test(seen):
        for _ in range(2):
            await seen.connect(GET)
        for _ in range(100):
            await seen.connect()
        await asyncio.sleep(0.02)

        assert len(seen.connections) == 2 + 64

    run(test)


def test_a_bad_request_after_a_good_one_waits_for_its_answer():
    async def test(seen):
        seen.go.clear()
        reader, _, _ = await seen.connect(GET + GET + b"\0\0\0")
        assert seen.answers == []

        seen.go.set()
        told = await reader.read()

        assert [told.count(b"HTTP/1.1 200 "), told.count(b"HTTP/1.1 400 ")] == [2, 1]
        assert told.index(b"400") > told.rindex(b"200 OK")

    run(test)


def test_a_bad_body_is_told_of_at_once_and_who_waited_for_it_hears():
    async def test(seen):
        heard = []

        async def wait_for_it(scope, receive, send):
            await receive()
            heard.append((await receive())["type"])

        seen.guards.clear()
        reader, _, guard = await seen.connect()
        guard._inner.app = wait_for_it
        guard.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await asyncio.sleep(0.02)
        guard.data_received(b"no length\r\n")
        told = await reader.read()

        assert told.startswith(b"HTTP/1.1 400 ")
        assert heard == ["http.disconnect"]

    run(test)
