"""Raw bytes on a socket: what no HTTP client would send. Made by code, the same on every run."""

import json
import socket
from dataclasses import dataclass

from sightserve.api.errors import HTTP_STATUS, ErrorCode

HOST = b"Host: 127.0.0.1\r\n"


def post(body: bytes, *headers: bytes, path: bytes = b"/predict", length: int | None = None) -> bytes:
    """A POST with the right Content-Length, or the one that is given; a header named twice is sent twice."""
    lines = [
        b"POST "
        + path
        + b" HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: %d\r\n" % (len(body) if length is None else length)
    ]
    return b"".join(lines) + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(pieces) + end


def in_chunks(body: bytes, extension: bytes = b"", size: int = 1_000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)


def form(*parts: bytes, end: bytes = b"--b--\r\n", boundary: bytes = b"b") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end
    return post(body, b"Content-Type: multipart/form-data; boundary=" + boundary)


def part(data: bytes, name: bytes = b"file", filename: bytes = b"x.jpg", extra: bytes = b"") -> bytes:
    disposition = b'Content-Disposition: form-data; name="' + name + b'"; filename="' + filename + b'"\r\n'
    return disposition + extra + b"\r\n" + data


def get(path: bytes, *headers: bytes, host: bytes = HOST, version: bytes = b"1.1") -> bytes:
    return b"GET " + path + b" HTTP/" + version + b"\r\n" + host + b"".join(h + b"\r\n" for h in headers) + b"\r\n"


def attacks(photo: bytes) -> dict[str, bytes]:
    """Name -> what is sent, in one go, before the sender waits for answers. `photo` is a good JPEG."""
    jpeg = b"Content-Type: image/jpeg"
    return {
        # not HTTP at all
        "nothing": b"",
        "garbage": bytes(range(256)) * 20,
        "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        "HTTP/0.9": b"GET /\r\n",
        "HTTP/9.9": get(b"/", version=b"9.9"),
        "unknown method": b"EXPLODE / HTTP/1.1\r\n" + HOST + b"\r\n",
        "only empty lines": b"\r\n" * 1000,
        # request lines and headers
        "path of 200 KB": get(b"/" + b"a" * 200_000),
        "path of 50 KB": get(b"/" + b"a" * 50_000),
        "query of 50 KB": post(photo, jpeg, path=b"/predict?top_k=" + b"9" * 50_000),
        "header of 2 MB": get(b"/", b"X-Long: " + b"a" * 2_000_000),
        "header that never ends": b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 2_000_000,
        "100,000 headers": get(b"/", *[b"X-%d: y" % i for i in range(100_000)]),
        "1,000 headers": get(b"/", *[b"X-%d: y" % i for i in range(1_000)]),
        "header name of 100 KB": get(b"/", b"a" * 100_000 + b": b"),
        "header without a colon": get(b"/", b"no colon here"),
        "folded header": get(b"/", b"X-A: b\r\n c"),
        "NUL in a header": get(b"/", b"X-A: b\0c"),
        "no host": get(b"/", host=b""),
        "broken host": get(b"/nothing", host=b"Host: [::1\r\n"),
        "host with a path": get(b"/nothing", host=b"Host: a/../b?c#d\r\n"),
        "two hosts": get(b"/nothing", host=HOST + b"Host: other\r\n"),
        "path that is not ASCII": get(b"/\xff\xfe"),
        "query that is not UTF-8": get(b"/nothing?\xff\xfe=\xff"),
        "percent-encoded nonsense": get(b"/%00%ff%zz%2e%2e/%0d%0aX: y"),
        "static path with NUL": get(b"/swagger/%00"),
        "static path upwards": get(b"/swagger/..%2f..%2f..%2f..%2fetc/passwd"),
        "static path of 5 KB": get(b"/swagger/" + b"a" * 5_000),
        "double slash": get(b"//predict"),
        "absolute form": get(b"http://elsewhere/nothing"),
        "asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        "CONNECT": b"CONNECT elsewhere:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        "TRACE": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
        "websocket": get(b"/", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x"),
        "h2c upgrade of a post": post(photo, jpeg, b"Connection: Upgrade", b"Upgrade: h2c"),
        "h2c upgrade of a chunked post": chunked(in_chunks(photo)).replace(
            b"\r\n\r\n", b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 1
        ),
        "h2c upgrade of a form": form(part(photo)).replace(HOST, HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n", 1),
        "requests after an upgrade": get(b"/model", b"Connection: Upgrade", b"Upgrade: h2c") + post(photo, jpeg),
        "an upgrade after an upgrade": post(photo, jpeg, b"Connection: Upgrade", b"Upgrade: h2c") * 3,
        "photos one after another": post(photo, jpeg) * 5,
        "a photo, then garbage": post(photo, jpeg) + b"\x00\x01\x02",
        "chunks in HTTP/1.0": chunked(in_chunks(photo)).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        "HEAD": b"HEAD /model HTTP/1.1\r\n" + HOST + b"\r\n",
        "expect something else": post(photo, jpeg, b"Expect: the-spanish-inquisition"),
        "HTTP/1.0": get(b"/", version=b"1.0"),
        "pipelined": get(b"/health/live") * 20,
        "pipelined by the thousand": get(b"/") * 5_000,
        "request id of 10 KB": get(b"/", b"X-Request-ID: " + b"a" * 10_000),
        "deadline that is no number": post(photo, jpeg, b"X-Request-Deadline-Ms: soon"),
        "deadline of 5,000 digits": post(photo, jpeg, b"X-Request-Deadline-Ms: " + b"9" * 5_000),
        "content type of 50 KB of quotes": post(photo, b"Content-Type: image/jpeg;" + b'";' * 25_000),
        "content type that is no text": post(photo, b"Content-Type: \xff\xfe/\xfd"),
        # lengths
        "no length": b"POST /predict HTTP/1.1\r\n" + HOST + jpeg + b"\r\n\r\n",
        "length of 5,000 zeros": post(photo, jpeg, length=None).replace(
            b"Content-Length: ", b"Content-Length: " + b"0" * 5_000
        ),
        "length beyond 64 bits": post(photo, jpeg).replace(
            b"Content-Length: ", b"Content-Length: 99999999999999999999"
        ),
        "length of many terabytes": post(photo, jpeg, length=10**15),
        "negative length": post(photo, jpeg, length=-1),
        "length that is no number": post(photo, jpeg).replace(b"Content-Length: ", b"Content-Length: 0x"),
        "two lengths": post(photo, jpeg, b"Content-Length: 5"),
        "length too small": post(photo, jpeg, length=100),
        "length and chunks": post(b"5\r\nhello\r\n0\r\n\r\n", jpeg, b"Transfer-Encoding: chunked"),
        "gzip on the way": post(photo, jpeg, b"Transfer-Encoding: gzip"),
        "gzipped content": post(photo, jpeg, b"Content-Encoding: gzip"),
        # chunks
        "chunk size that is no number": chunked(b"zz\r\nhello\r\n"),
        "chunk size beyond 64 bits": chunked(b"f" * 17 + b"\r\nhello\r\n"),
        "chunk longer than its size": chunked(b"2\r\nhello\r\n"),
        "chunk extension of 1 MB": chunked(b"5;" + b"a" * 1_000_000 + b"\r\nhello\r\n"),
        "chunk trailers by the thousand": chunked(in_chunks(photo), end=b"0\r\n" + b"X: y\r\n" * 5_000 + b"\r\n"),
        "chunk trailers of a megabyte": chunked(in_chunks(photo), end=b"0\r\n" + b"X: y\r\n" * 170_000 + b"\r\n"),
        "a trailer of a megabyte": chunked(in_chunks(photo), end=b"0\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n"),
        "a photo in chunks": chunked(in_chunks(photo)),
        "a photo in chunks with extensions": chunked(in_chunks(photo, b';name="value"')),
        "10,000 chunks of a byte": chunked(*[b"1\r\n%c\r\n" % byte for byte in photo[:10_000]]),
        # forms
        "form with a thousand parts": form(*[part(b"x", name=b"f%d" % i) for i in range(1_000)]),
        "form with a part header of 1 MB": form(part(photo, extra=b"X-Long: " + b"a" * 1_000_000 + b"\r\n")),
        "form with a thousand part headers": form(part(photo, extra=b"X: y\r\n" * 1_000)),
        "form with a file name of 1 MB": form(part(photo, filename=b"a" * 1_000_000)),
        "form with a name of quotes": form(part(photo, name=b'";' * 1_000)),
        "form within a form": form(
            b'Content-Disposition: form-data; name="file"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n'
            b"--c\r\nContent-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--c--"
        ),
        "form without its end": form(part(photo), end=b""),
        "form that ends in its boundary": form(part(photo), end=b"--b"),
        "form with another boundary": form(part(photo), boundary=b"c"),
        "form with a boundary of 5 KB": form(part(photo), boundary=b"c" * 5_000),
        "form with an empty boundary": form(part(photo), boundary=b'""'),
        "form that never begins": post(b"\r\n" * 100_000, b"Content-Type: multipart/form-data; boundary=b"),
        "form of nothing but boundaries": form(*[b""] * 5_000),
        "form followed by a megabyte": form(part(photo), end=b"--b--\r\n" + bytes(1_000_000)),
        "form without a disposition": form(b"\r\n" + photo),
        "form with RFC 2231 names": form(
            part(photo, extra=b"").replace(b"filename=", b"filename*0*=utf-8''%ff; filename*=")
        ),
    }


# What is right: the statuses of the answers, in their order; a 200 to a POST is the photo's own label. What is not here is no
# request, or one that must not be answered otherwise: one 400.
EXPECTED: dict[str, tuple[int, ...]] = {
    "nothing": (),
    "HTTP/0.9": (),  # waits for headers, as of a version that has some
    "only empty lines": (),  # before a request they are to be ignored (RFC 9112, section 2.2)
    "path of 50 KB": (404,),
    "query of 50 KB": (422,),
    "1,000 headers": (200,),
    "static path with NUL": (404,),
    "static path upwards": (404,),
    "static path of 5 KB": (404,),
    "double slash": (404,),
    "absolute form": (404,),
    "asterisk": (404,),
    "TRACE": (405,),
    "websocket": (200,),
    "h2c upgrade of a post": (200,),
    "h2c upgrade of a chunked post": (200,),
    "h2c upgrade of a form": (200,),
    "requests after an upgrade": (200, 200),
    "an upgrade after an upgrade": (200,) * 3,
    "photos one after another": (200,) * 5,
    "a photo, then garbage": (200, 400),
    "HEAD": (200,),
    "expect something else": (200,),
    "HTTP/1.0": (200,),
    "pipelined": (200,) * 20,
    "pipelined by the thousand": (200,) * 33 + (400,),
    "request id of 10 KB": (200,),
    "deadline that is no number": (422,),
    "deadline of 5,000 digits": (422,),
    "content type that is no text": (415,),
    "length of 5,000 zeros": (200,),
    "length of many terabytes": (413,),
    "length too small": (422, 400),
    "gzipped content": (200,),
    "a photo in chunks": (200,),
    "a photo in chunks with extensions": (200,),
    "chunk trailers by the thousand": (200,),
    "10,000 chunks of a byte": (422,),
    "form within a form": (415,),
    "form followed by a megabyte": (200,),
    "form with RFC 2231 names": (200,),
}
LABELS = {"tabby", "Egyptian cat"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def answers(received: bytes, *, bodiless: bool = False) -> list[Answer]:
    """Cut what came back into answers, to HEAD where they are bodiless; fails on anything that is not HTTP."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), received[:200]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        length = 0 if bodiless else int(headers.get("content-length", len(rest)))
        found.append(Answer(status, headers, rest[:length]))
        received = rest[length:]
    return [answer for answer in found if answer.status >= 200]


def _whole(received: bytes) -> int | None:
    """Return how many answers have come, None in the middle of one."""
    try:
        found = answers(received)
    except (AssertionError, ValueError):
        return None
    whole = all(len(answer.body) == int(answer.headers.get("content-length", -1)) for answer in found)
    return len(found) if whole else None


def check(answer: Answer) -> None:
    """An answer is a success, or a problem with a documented code; never a 500."""
    if answer.status < 300:
        return
    assert answer.headers["content-type"] == "application/problem+json", answer
    if not answer.body:  # of a HEAD
        return
    problem = json.loads(answer.body)
    code = ErrorCode(problem["code"])
    assert code is not ErrorCode.INTERNAL, problem
    assert problem["status"] == answer.status == HTTP_STATUS[code]
    assert problem["request_id"] == answer.headers["x-request-id"]


def exchange(port: int, data: bytes, *, patience: float = 10, quiet: float = 0.3, expected: int | None = None) -> bytes:
    """Send everything, then read until the server closes, or has answered and says no more for `quiet` seconds.

    Where so many answers as are `expected` are there, a third of that is enough to see that there are no more.
    A reset is an end like another: the server may refuse before it has read everything.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            connection.sendall(data)
            while packet := connection.recv(65_536):
                received += packet
                connection.settimeout(quiet / 3 if expected and _whole(received) == expected else quiet)
        except (ConnectionResetError, BrokenPipeError):
            pass
        except TimeoutError:
            assert received, "neither an answer nor an end: the server hangs"
    return received
