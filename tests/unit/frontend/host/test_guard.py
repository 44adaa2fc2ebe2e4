"""What stands before Streamlit: headers on every answer, and doors that are closed."""

import asyncio

import pytest

from sightserve.frontend.host.guard import Guard


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


@pytest.mark.parametrize("below", ["", "/tools/sight"])
@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/upload_file/some-session/some-file"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_counts_of_visitors_and_uploads_that_nobody_weighs_are_closed(method, path, below):
    status, headers = request(Guard(app), method, below + path)

    assert status == 404
    assert b"content-security-policy" in headers


def test_every_answer_tells_the_browser_to_talk_to_nobody_else():
    _, headers = request(Guard(app))

    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"X-Content-Type-Options" not in headers
