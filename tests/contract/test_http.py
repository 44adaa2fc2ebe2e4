"""HTTP/1.1 as clients and proxies of all kinds speak it: each is answered right, on the bytes that they really send."""

import http.client
import json
import socket
import time

import httpx2
import pytest
from tests.hostile import wire
from tests.metrics import metric
from tests.processes import running_backend

JPEG = b"Content-Type: image/jpeg"
KEY = {"SIGHTSERVE_API_KEYS": "the-key"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with running_backend(tmp_path_factory.mktemp("guarded") / "log", "--cpus", "1", **KEY) as backend:
        yield backend


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A backend that waits for nobody longer than a second."""
    short = {"SIGHTSERVE_HEADER_TIMEOUT": "1", "SIGHTSERVE_KEEP_ALIVE": "1"}
    with running_backend(tmp_path_factory.mktemp("hasty") / "log", "--cpus", "1", **short) as backend:
        yield backend


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def exchange(url: str, data: bytes, *, bodiless: bool = False) -> list[wire.Answer]:
    return wire.answers(wire.exchange(port_of(url), data), bodiless=bodiless)


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(url)), timeout=10)


def label(answer: wire.Answer) -> str:
    assert answer.status == 200, answer
    prediction: str = json.loads(answer.body)["prediction"]
    return prediction


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


@pytest.mark.parametrize("path", [b"/predict", b"/predict/", b"/classify", b"/classify/"])
def test_every_spelling_of_an_address_takes_a_photo(backend_url, espresso, path):
    (answer,) = exchange(backend_url, wire.post(espresso, JPEG, path=path))

    assert label(answer) == "espresso"


@pytest.mark.parametrize("path", ["/predict/batch", "/predict/batch/"])
def test_every_spelling_of_an_address_takes_several(backend_url, espresso, path):
    answer = httpx2.post(backend_url + path, files=[("file", espresso)] * 2)

    assert answer.json()["succeeded"] == 2


def test_a_photo_that_comes_with_an_offer_of_http_2_is_answered_and_so_is_the_next(backend_url, espresso, cat):
    """What `java.net.http.HttpClient` and `curl --http2` send first on a connection without TLS."""
    offer = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk"]

    first, second = exchange(backend_url, wire.post(espresso, JPEG, *offer) + wire.post(cat, JPEG))

    assert label(first) == "espresso"
    assert label(second) in wire.LABELS


def test_an_offer_whose_body_comes_later_and_in_pieces_is_answered_too(backend_url, espresso):
    data = wire.post(espresso, JPEG, b"Connection: Upgrade", b"Upgrade: h2c")
    with connect(backend_url) as connection:
        for start in range(0, len(data), 9_000):
            connection.sendall(data[start : start + 9_000])
            time.sleep(0.002)
        connection.sendall(wire.get(b"/health/live", b"Connection: close"))
        first, second = wire.answers(until_closed(connection))

    assert label(first) == "espresso"
    assert second.status == 200


def test_a_key_in_a_trailer_does_not_let_in(guarded, espresso):
    end = b"0\r\nX-API-Key: the-key\r\nX-Request-ID: mine\r\n\r\n"

    (answer,) = exchange(guarded.url, wire.chunked(wire.in_chunks(espresso), end=end))

    assert answer.status == 401
    assert answer.headers["x-request-id"] != "mine"


def test_a_key_in_a_header_lets_in_whatever_the_trailers_say(guarded, espresso):
    data = wire.chunked(wire.in_chunks(espresso), end=b"0\r\nX-API-Key: wrong\r\n\r\n")

    (answer,) = exchange(guarded.url, data.replace(b"\r\n\r\n", b"\r\nX-API-Key: the-key\r\n\r\n", 1))

    assert label(answer) == "espresso"


def test_trailers_without_end_are_refused_soon(backend_url, espresso):
    """So many of them took 1.8 GB once, of the process that everybody depends on."""
    sent = 0
    with connect(backend_url) as connection:
        connection.sendall(wire.chunked(wire.in_chunks(espresso), end=b"0\r\n"))
        connection.settimeout(0.02)
        received = b""
        while not received and sent < 50_000_000:
            try:
                sent += connection.send(b"X-Trailer: y\r\n" * 1_000)
                received = connection.recv(65_536)
            except TimeoutError:
                continue

    assert b"400 Bad Request" in received
    assert sent < 5_000_000  # what is under way when 64 KiB have been read


@pytest.mark.parametrize("path", ["/", "/model", "/metrics", "/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_what_answers_get_answers_head(backend_url, path):
    whole, head = httpx2.get(backend_url + path), httpx2.head(backend_url + path)

    assert head.status_code == whole.status_code == 200
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert int(head.headers["content-length"]) > 0
    assert head.content == b""


def test_head_is_no_way_to_post(backend_url):
    answer = httpx2.head(f"{backend_url}/predict")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert httpx2.put(f"{backend_url}/model").headers["allow"] == "GET, HEAD"


def test_every_answer_is_dated(backend_url):
    assert httpx2.get(backend_url).headers["date"].endswith(" GMT")


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: a/b\r\n", b"Host: a b\r\n", b"Host: [::1\r\n"]
)
def test_a_request_names_one_host(backend_url, hosts):
    (answer,) = exchange(backend_url, wire.get(b"/health/live", host=hosts))

    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    wire.check(answer)


@pytest.mark.parametrize("host", [b"a", b"a:80", b"a.example:", b"[::1]:8000", b"127.0.0.1", b""])
def test_every_kind_of_host_is_one(backend_url, host):
    (answer,) = exchange(backend_url, wire.get(b"/health/live", host=b"Host: " + host + b"\r\n"))

    assert answer.status == 200


@pytest.mark.parametrize(
    ("query", "status"), [(b"?top_k=0", 422), (b"", 401)], ids=["a wrong parameter", "without a key"]
)
def test_a_final_answer_to_who_waits_for_a_continue_ends_the_connection(guarded, query, status):
    """Nobody can tell whether what comes next is the body after all, or another request."""
    key = [b"X-API-Key: the-key"] if query else []
    data = wire.post(b"", JPEG, b"Expect: 100-continue", *key, path=b"/predict" + query, length=1_000)
    with connect(guarded.url) as connection:
        connection.sendall(data)
        (answer,) = wire.answers(until_closed(connection))

    assert answer.status == status
    assert answer.headers["connection"] == "close"


def test_who_was_told_to_continue_keeps_the_connection(backend_url, espresso):
    with connect(backend_url) as connection:
        connection.sendall(wire.post(b"", JPEG, b"Expect: 100-continue", length=len(espresso)))
        told = connection.recv(65_536)
        connection.sendall(espresso + wire.get(b"/health/live", b"Connection: close"))
        photo, live = wire.answers(until_closed(connection))

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert label(photo) == "espresso"
    assert "connection" not in photo.headers
    assert live.status == 200


@pytest.mark.parametrize(("size", "key", "status"), [(32 * 2**20, "the-key", 413), (8 * 2**20, "wrong", 401)])
def test_an_early_answer_reaches_a_client_that_sends_to_the_end_first(guarded, size, key, status):
    """Python's own client reads nothing before it has sent everything, and a reset would throw the answer away."""
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", port_of(guarded.url), timeout=30)
        connection.request("POST", "/predict", bytes(size), {"Content-Type": "image/jpeg", "X-API-Key": key})
        response = connection.getresponse()

        assert response.status == status
        assert json.load(response)["status"] == status
        connection.close()


@pytest.mark.slow
def test_a_reader_that_makes_progress_may_take_its_time(hasty):
    """A megabyte and a half at some 400 kB/s takes more than three times the second in which something has to be taken."""
    whole = httpx2.get(f"{hasty.url}/swagger/swagger-ui-bundle.js").content
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", port_of(hasty.url)))
        connection.sendall(wire.get(b"/swagger/swagger-ui-bundle.js", b"Connection: close"))
        received = b""
        while piece := connection.recv(20_000):
            received += piece
            time.sleep(len(piece) / 400_000)

    assert received.endswith(whole)


@pytest.mark.slow
def test_a_connection_stays_open_between_requests_for_as_long_as_the_setting_says(hasty, backend_url):
    """After an answer, and after a body that came when its request was refused already."""
    refused = wire.post(bytes(200_000), JPEG, path=b"/nothing")
    for data in (wire.get(b"/health/live"), refused):
        with connect(hasty.url) as closes, connect(backend_url) as stays:
            for connection in (closes, stays):
                connection.sendall(data)
            assert wire.answers(until_closed(closes))

            stays.sendall(wire.get(b"/health/live", b"Connection: close"))
            assert len(wire.answers(until_closed(stays))) == 2


def test_who_closes_its_half_after_asking_gets_an_answer(backend_url):
    with connect(backend_url) as connection:
        connection.sendall(wire.get(b"/model") * 3)
        connection.shutdown(socket.SHUT_WR)
        answers = wire.answers(until_closed(connection))

    assert [answer.status for answer in answers] == [200] * 3


def test_who_closes_its_half_after_a_photo_is_told_that_this_is_hanging_up(backend_url, espresso):
    """A connection that is closed whole looks the same from here, and nobody works for who has left."""
    before = metric(backend_url, "sightserve_abandoned_total")

    with connect(backend_url) as connection:
        connection.sendall(wire.post(espresso, JPEG))
        connection.shutdown(socket.SHUT_WR)
        (answer,) = wire.answers(until_closed(connection))

    assert answer.status == 400
    assert "hung up" in json.loads(answer.body)["detail"]
    assert metric(backend_url, "sightserve_abandoned_total") == before + 1


def test_who_leaves_in_the_middle_of_a_body_is_counted_as_gone(backend_url):
    before = metric(backend_url, "sightserve_abandoned_total")

    with connect(backend_url) as connection:
        connection.sendall(wire.post(b"some of it", JPEG, length=1_000))
    deadline = time.monotonic() + 10
    while metric(backend_url, "sightserve_abandoned_total") == before and time.monotonic() < deadline:
        time.sleep(0.02)

    assert metric(backend_url, "sightserve_abandoned_total") == before + 1


def test_what_was_asked_before_garbage_is_answered_first(backend_url, espresso):
    photo, garbage = exchange(backend_url, wire.post(espresso, JPEG) + b"\x00\x01\x02\r\n\r\n")

    assert label(photo) == "espresso"
    assert garbage.status == 400
    wire.check(garbage)


def test_what_is_no_http_is_counted_and_logged_under_the_id_that_it_was_told(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_LOG_FORMAT="json") as backend:
        (answer,) = exchange(backend.url, b"\x16\x03\x01\x02\x00\x01\x00")
        counted = metric(backend.url, "sightserve_http_requests_total", route="unread", status="400")

    assert counted == 1
    lines = [json.loads(line) for line in backend.log.read_text().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
    assert line["status"] == answer.status == 400
    assert not [line for line in lines if "Invalid HTTP" in line["message"]]


@pytest.mark.slow
def test_the_log_does_not_grow_faster_than_what_a_stranger_sends(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_LOG_FORMAT="json") as backend:
        before = backend.log.stat().st_size
        trace = b"X-Cloud-Trace-Context: " + b"a" * 30_000
        sent = wire.get(b"/" + b"%1b" * 10_000, trace)
        (answer,) = exchange(backend.url, sent)

    assert answer.status == 404
    assert len(answer.body) < 2_000
    assert backend.log.stat().st_size - before < len(sent) / 2


def test_browsers_may_send_a_trace(tmp_path):
    with running_backend(tmp_path / "log", "--cpus", "1", SIGHTSERVE_ALLOWED_ORIGINS="https://app.example") as backend:
        answer = httpx2.options(
            f"{backend.url}/predict",
            headers={
                "origin": "https://app.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "traceparent, tracestate",
            },
        )

    assert answer.status_code == 200
