"""What stands before Streamlit: headers on every answer, and a weighing of uploads."""

import asyncio

import pytest

from sightserve.frontend.host.guard import Guard
from sightserve.frontend.shared.ledger import Budget, Ledger, Place

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
