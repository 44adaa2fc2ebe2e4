"""What stands before Streamlit: headers on every answer, and a weighing of uploads."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response

from sightserve.frontend.host import guard as guards
from sightserve.frontend.host.guard import Guard
from sightserve.frontend.shared import ledger as ledgers
from sightserve.frontend.shared.ledger import Budget, Ledger, Place
from sightserve.frontend.shared.metrics import Metrics

MIB = 2**20


def ledger(stored=()):
    """Two mebibytes for a session, six for all."""
    return Ledger({Place.MEMORY: Budget(6 * MIB, 2 * MIB)}, lambda: dict(stored))


def request(guard, method="GET", path="/", headers=()):
    """Return status and headers of one request through the guard."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(guard(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"])


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": [(b"X-Content-Type-Options", b"other")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/tools/sight/_stcore/metrics"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_how_many_visitors_there_are_is_nobodys_business(method, path):
    status, headers = request(Guard(app, ledger()), method, path)

    assert status == 404
    assert b"content-security-policy" in headers


def test_what_is_refused_is_counted_by_reason(monkeypatch):
    fresh = Metrics()
    for module in (guards, ledgers):
        monkeypatch.setattr(module, "metrics", lambda: fresh)

    for stored, size in (({}, 3 * MIB), ({"others": 5 * MIB}, MIB), ({}, None)):
        upload(Guard(app, ledger(stored)), "me", size)

    for reason in ("memory_share", "memory_full", "no_length"):
        assert fresh.registry.get_sample_value("sightserve_ui_refused_total", {"reason": reason}) == 1


def upload(guard, session, size):
    length = [(b"content-length", str(size).encode())] if size is not None else []
    return request(guard, "PUT", f"/_stcore/upload_file/{session}/some-file", length)[0]


def test_every_answer_tells_the_browser_to_talk_to_nobody_else():
    _, headers = request(Guard(app, ledger()))

    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"X-Content-Type-Options" not in headers


@pytest.mark.parametrize(
    ("stored", "size", "status"),
    [
        ({}, 2 * MIB, 204),
        ({}, 2 * MIB + 1, 413),
        ({"me": MIB}, MIB, 204),
        ({"me": MIB}, MIB + 1, 413),
        ({"others": 4 * MIB}, MIB, 204),
        ({"others": 4 * MIB}, MIB + 1, 503),
        ({}, None, 411),
    ],
)
def test_an_upload_is_weighed_before_it_is_read(stored, size, status):
    assert upload(Guard(app, ledger(stored)), "me", size) == status


def test_uploads_under_way_count_and_are_let_go_afterwards():
    held = []

    async def slow(scope, receive, send):
        held.append(book.held(Place.MEMORY))
        await app(scope, receive, send)

    book = ledger()

    upload(Guard(slow, book), "me", MIB)

    assert held == [{"me": MIB}]
    assert book.held(Place.MEMORY) == {}


async def reader(scope, receive, send):
    """As Streamlit reads an upload."""
    body = b"".join([chunk async for chunk in Request(scope, receive).stream()])
    await Response(str(len(body)))(scope, receive, send)


def slow_upload(pause, chunks, monkeypatch):
    """Send chunks of a kibibyte; return the status, and what the ledger holds for the session then."""
    monkeypatch.setattr(guards, "_GRACE_SECONDS", 0.2)
    book, sent, left = ledger(), [], list(range(chunks))

    async def receive():
        await asyncio.sleep(pause)
        left.pop()
        return {"type": "http.request", "body": bytes(1024), "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/_stcore/upload_file/me/some-file",
        "headers": [(b"content-length", str(chunks * 1024).encode())],
    }
    asyncio.run(Guard(reader, book)(scope, receive, send))
    return sent[0]["status"], book.held(Place.MEMORY)["me"]


def test_an_upload_that_hardly_comes_gives_its_room_back(monkeypatch):
    assert slow_upload(5.0, 2, monkeypatch) == (408, 0)


def test_a_slow_one_that_goes_on_is_waited_for(monkeypatch):
    """Ten kibibytes a second: in all longer than any grace."""
    assert slow_upload(0.1, 8, monkeypatch) == (200, 0)


def test_who_has_sent_everything_is_not_slow(monkeypatch):
    """Whoever answers may take its time, and listens meanwhile for the sender to leave."""
    monkeypatch.setattr(guards, "_GRACE_SECONDS", 0.05)
    sent = []
    messages = iter([{"type": "http.request", "body": bytes(1024)}])

    async def receive():
        if (message := next(messages, None)) is None:
            await asyncio.sleep(0.3)
            return {"type": "http.disconnect", "of": "the sender"}
        return message

    async def listener(_scope, receive, send):
        await receive()
        assert await receive() == {"type": "http.disconnect", "of": "the sender"}
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/_stcore/upload_file/me/some-file",
        "headers": [(b"content-length", b"1024")],
    }
    asyncio.run(Guard(listener, ledger())(scope, receive, send))

    assert sent[0]["status"] == 204
