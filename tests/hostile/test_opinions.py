"""The same bytes, read by our server and by h11: where the two differ, one of them is wrong, or a reason is written here."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hostile import wire
from tests.hostile.opinions import by_h11, by_us

ATTACKS = wire.attacks((Path(__file__).parents[2] / "src/sightserve/frontend/samples/cat.jpg").read_bytes())
LARGE = "h11 bounds what is incomplete, and this came whole; we bound every head and all trailers"
DIFFERENCES = {
    "HTTP/2 preface": "h11 takes `PRI * HTTP/2.0` for a request",
    "HTTP/9.9": "h11 takes every version",
    "unknown method": "h11 takes every method; llhttp those that are registered",
    "only empty lines": "to be ignored before a request (RFC 9112, section 2.2); h11 refuses them",
    "path of 200 KB": LARGE,
    "header of 2 MB": LARGE,
    "100,000 headers": LARGE,
    "header name of 100 KB": LARGE,
    "chunk extension of 1 MB": LARGE,
    "chunk trailers of a megabyte": LARGE,
    "a trailer of a megabyte": LARGE,
    "folded header": "to be refused or unfolded (RFC 9112, section 5.2); h11 unfolds",
    "broken host": "h11 does not look at what a Host says",
    "host with a path": "h11 does not look at what a Host says",
    "absolute form": "the same target; h11 leaves it whole",
    "CONNECT": "the target is no path, and there is nothing to connect to",
    "chunks in HTTP/1.0": "faulty framing (RFC 9112, section 6.1), which h11 takes",
    "pipelined by the thousand": "we read no more than 32 requests ahead",
    "length of 5,000 zeros": "h11 takes 20 digits; leading zeros are valid",
    "length and chunks": "h11 lets the chunks win, as allowed; we refuse (RFC 9112, section 6.1)",
    "chunk size beyond 64 bits": "h11 waits for as many bytes",
}


@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - DIFFERENCES.keys()))
def test_hostile_bytes_are_understood_as_h11_understands_them(name):
    assert by_us(ATTACKS[name]) == by_h11(ATTACKS[name])


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_is_listed_as_a_difference_is_one(name):
    assert by_us(ATTACKS[name]) != by_h11(ATTACKS[name])


TOKEN = st.sampled_from([b"X-A", b"x-b", b"Accept", b"Cookie", b"X-Request-Id", b"X-API-Key"])
FIELD = st.tuples(TOKEN, st.sampled_from([b"", b"a", b"a, b", b"a;b=c", b"y" * 300])).map(b": ".join)
OFFER = st.sampled_from(
    [[], [b"Connection: Upgrade", b"Upgrade: h2c"], [b"Connection: keep-alive"], [b"Upgrade: websocket"]]
)


@st.composite
def valid_requests(draw: st.DrawFn) -> bytes:
    """One to four requests, as different clients would frame them."""
    sent = b""
    for _ in range(draw(st.integers(1, 4))):
        method = draw(st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"DELETE"]))
        target = draw(st.sampled_from([b"/", b"/predict?top_k=3", b"/a%20b", b"//", b"/?"]))
        body = draw(st.binary(max_size=200))
        lines = [wire.HOST.rstrip(), *draw(st.lists(FIELD, max_size=4)), *draw(OFFER)]
        match draw(st.sampled_from(["none", "length", "chunks", "trailers"])):
            case "none":
                body = b""
            case "length":
                lines.append(b"Content-Length: %d" % len(body))
            case "chunks":
                lines.append(b"Transfer-Encoding: chunked")
                body = wire.in_chunks(body, draw(st.sampled_from([b"", b";a=b"])), 17) + b"0\r\n\r\n"
            case "trailers":
                lines.append(b"Transfer-Encoding: chunked")
                trailers = b"".join(line + b"\r\n" for line in draw(st.lists(FIELD, max_size=3)))
                body = wire.in_chunks(body, b"", 60) + b"0\r\n" + trailers + b"\r\n"
        sent += method + b" " + target + b" HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body
    return sent


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=valid_requests(), places=st.lists(st.integers(0, 10_000), max_size=4))
def test_valid_requests_are_understood_as_h11_understands_them_however_they_are_cut(data, places):
    cuts = sorted(place % (len(data) + 1) for place in places)

    requests, refused = by_us(data, cuts)

    assert (requests, refused) == by_h11(data)
    assert requests
    assert not refused
