"""A line and a count for each request, without what a visitor would not like to read there."""

import asyncio
import logging

import pytest

from sightserve.frontend.host.access import Access, shown
from sightserve.frontend.shared.metrics import metrics
from sightserve.logs.lines import AccessLog


@pytest.fixture
def lines(caplog):
    """Every access line so far, with its level."""
    caplog.set_level(logging.DEBUG, "sightserve.access")
    return lambda: [(record.levelname, record.access) for record in caplog.records]


def through(app, kind="http", path="/", received=(), **scope):
    """One request; what the application raises comes through."""
    messages = iter(received)

    async def receive():
        return next(messages)

    async def send(message):
        pass

    asyncio.run(Access(app, AccessLog())({"type": kind, "path": path, **scope}, receive, send))


def answering(status):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"12345", "more_body": True})
        await send({"type": "http.response.body", "body": b"67"})

    return app


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "/"),
        ("/static/js/index.js", "/static/js/index.js"),
        ("/inbox/a-ticket/photo/1/0", "/inbox/*"),
        ("/sorted/a-secret/photos-by-label.zip", "/sorted/*"),
        ("/tools/sight/inbox/a-ticket/photo/1/0", "/tools/sight/inbox/*"),
        ("/media/0123abcd.jpg", "/media/*"),
        ("/videos/Se-cret/my holiday.mp4", "/videos/*"),
        ("/any/where/videos/Se-cret/a.mp4", "/any/where/videos/*"),
        ("/xvideos/Se-cret/a.mp4", "/xvideos/*"),  # the route takes it
        ("/videos/Se-cret/line\nend", "/videos/*"),
        ("/video", "/video"),  # the page
    ],
)
def test_what_lets_in_whoever_has_it_is_left_out_of_a_path(path, told):
    assert shown(path) == told


def test_a_line_says_what_was_asked_and_what_became_of_it(lines):
    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await answering(204)(scope, receive, send)

    body = [{"type": "http.request", "body": b"abc", "more_body": True}, {"type": "http.request", "body": b"d"}]
    through(app, path="/media/x", received=body, method="PUT", query_string=b"secret=1")

    ((level, line),) = lines()
    assert level == "INFO"
    assert (line.method, line.path, line.status, line.received, line.sent) == ("PUT", "/media/*", 204, 4, 7)
    assert 0 <= line.seconds < 5


@pytest.mark.parametrize(
    ("path", "status", "level"),
    [
        ("/_stcore/health", 200, "DEBUG"),
        ("/tools/sight/_stcore/health", 200, "DEBUG"),
        ("/_stcore/health", 503, "ERROR"),
        ("/other", 404, "INFO"),
        ("/other", 500, "ERROR"),
    ],
)
def test_only_a_probe_that_found_nothing_wrong_is_not_worth_a_line(lines, path, status, level):
    through(answering(status), path=path, method="GET")

    assert [found for found, _ in lines()] == [level]


def test_a_request_that_ends_in_an_exception_is_a_500(lines):
    async def app(scope, receive, send):
        raise RuntimeError("oh")

    with pytest.raises(RuntimeError):
        through(app, method="GET")

    assert [(level, line.status) for level, line in lines()] == [("ERROR", 500)]


def test_a_websocket_is_one_line_at_its_end(lines):
    counted = metrics().requests.labels("websocket", 101)
    before = counted._value.get()

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.send", "bytes": b"12"})
        await send({"type": "websocket.send", "text": "345"})

    through(app, "websocket", "/_stcore/stream", [{"type": "websocket.receive", "bytes": b"1"}])

    ((level, line),) = lines()
    assert (level, line.method, line.status) == ("INFO", "WEBSOCKET", 101)
    assert (line.received, line.sent) == (1, 5)
    assert counted._value.get() == before + 1


def test_a_websocket_that_was_not_let_in_is_a_403(lines):
    async def app(scope, receive, send):
        await send({"type": "websocket.close", "code": 1008})

    through(app, "websocket", "/_stcore/stream")

    assert [line.status for _, line in lines()] == [403]


def test_what_is_no_request_passes_unseen(lines):
    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"

    through(app, "lifespan")

    assert lines() == []
