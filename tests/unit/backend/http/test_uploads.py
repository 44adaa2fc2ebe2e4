"""Request bodies to bytes, at every way of cutting them into chunks."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from sightserve.backend.errors import BackendError, MalformedRequest, PayloadTooLarge, RequestTimeout, TooManyFiles
from sightserve.backend.http.uploads import BodyLimits, Upload, display_name, read_many, read_one

BOUNDARY = "----------boundary"


def request(chunks: list[bytes], content_type: str | None, length: int | None = None) -> Request:
    headers = []
    if content_type is not None:
        headers.append((b"content-type", content_type.encode("latin-1")))
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    body = b""
    for name, filename, data in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        body += f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 10_000), max_size=6))
def test_a_form_gives_its_file_however_it_is_cut(data, places):
    body = form(("note", None, b"ignored"), ("file", "cat.jpg", data))

    upload = asyncio.run(read_one(request(cut(body, places), MULTIPART), BodyLimits(10_000)))

    assert upload == Upload(data, "cat.jpg")


@given(body=st.binary(max_size=400), places=st.lists(st.integers(0, 10_000), max_size=3))
def test_bytes_that_call_themselves_a_form_are_files_or_a_named_error(body, places):
    try:
        uploads = asyncio.run(read_many(request(cut(body, places), MULTIPART), BodyLimits(10_000), max_files=4))
    except BackendError:
        return
    assert uploads


@given(
    data=st.binary(max_size=60),
    edits=st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=12), st.integers(0, 12)), max_size=5),
    places=st.lists(st.integers(0, 10_000), max_size=4),
)
def test_a_form_with_a_few_places_changed_gives_files_or_a_named_error(data, edits, places):
    """Nearer to real forms than random bytes: headers, boundaries and ends are hit one at a time."""
    body = bytearray(form(("note", None, b"x"), ("file", "cat.jpg", data), ("image", "dog.jpg", data)))
    for at, new, over in edits:
        body[at % len(body) : at % len(body) + over] = new

    try:
        uploads = asyncio.run(read_many(request(cut(bytes(body), places), MULTIPART), BodyLimits(10_000), max_files=4))
    except BackendError:
        return
    assert uploads


def test_a_content_length_of_thousands_of_zeros_is_a_number_like_another():
    made = request([b"abc"], "image/jpeg")
    made.scope["headers"].append((b"content-length", b"0" * 5_000 + b"3"))

    assert asyncio.run(read_one(made, BodyLimits(10))).data == b"abc"


def test_a_content_type_that_takes_long_to_parse_is_refused():
    with pytest.raises(MalformedRequest, match="content type"):
        asyncio.run(read_one(request([b"x"], "image/jpeg;" + '";' * 25_000), BodyLimits(10)))


@given(size=st.integers(0, 40), limit=st.integers(1, 20), chunk=st.integers(1, 7), announced=st.booleans())
def test_the_limit_counts_what_arrives_not_what_was_announced(size, limit, chunk, announced):
    chunks = [b"x" * min(chunk, size - i) for i in range(0, size, chunk)]
    # an announced length of 1 is a lie that must not help
    made = request(chunks, "image/jpeg", length=1 if announced else None)

    if size > limit:
        with pytest.raises(PayloadTooLarge):
            asyncio.run(read_one(made, BodyLimits(limit)))
    elif size == 0:
        with pytest.raises(MalformedRequest, match="empty"):
            asyncio.run(read_one(made, BodyLimits(limit)))
    else:
        assert asyncio.run(read_one(made, BodyLimits(limit))).data == b"x" * size


def test_an_announced_length_above_the_limit_is_refused_unread():
    made = request([], "image/jpeg", length=11)

    with pytest.raises(PayloadTooLarge):
        asyncio.run(read_one(made, BodyLimits(10)))


@pytest.mark.parametrize("limits", [BodyLimits(100, idle_seconds=0.05), BodyLimits(100, 10, total_seconds=0.05)])
def test_a_sender_that_stalls_is_not_waited_for(limits):
    async def receive():
        await asyncio.sleep(5)

    made = Request({"type": "http", "method": "POST", "headers": [(b"content-type", b"image/jpeg")]}, receive)

    with pytest.raises(RequestTimeout):
        asyncio.run(read_one(made, limits))


def test_the_bytes_so_far_are_told_at_every_chunk():
    told: list[int] = []

    asyncio.run(read_one(request([b"ab", b"c"], "image/jpeg"), BodyLimits(100, grow=told.append)))

    assert [size for size in told if size] == [2, 3, 3]


def test_several_files_come_in_order():
    body = form(("file", "a", b"1"), ("image", "b", b"2"), ("file", None, b"3"))

    uploads = asyncio.run(read_many(request([body], MULTIPART), BodyLimits(10_000), max_files=3))

    assert uploads == [Upload(b"1", "a"), Upload(b"2", "b"), Upload(b"3", None)]


def test_one_file_too_many_is_refused():
    body = form(("file", "a", b"1"), ("file", "b", b"2"), ("file", "c", b"3"))

    with pytest.raises(TooManyFiles):
        asyncio.run(read_many(request([body], MULTIPART), BodyLimits(10_000), max_files=2))


def test_a_client_that_hangs_up_is_a_malformed_request():
    async def receive():
        return {"type": "http.disconnect"}

    made = Request({"type": "http", "method": "POST", "headers": [(b"content-type", b"image/jpeg")]}, receive)

    with pytest.raises(MalformedRequest, match="closed"):
        asyncio.run(read_one(made, BodyLimits(10)))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("cat.jpg", "cat.jpg"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\x00b\x1b[31m.jpg", "ab[31m.jpg"),
        ("photos/", None),
        ("", None),
    ],
)
def test_a_display_name_is_one_printable_component(sent, shown):
    assert display_name(sent) == shown


def test_a_sender_pays_for_its_time_with_bytes():
    limits = BodyLimits(10_000, idle_seconds=10.0, total_seconds=120.0, min_rate=240.0, grace_seconds=5.0)

    assert limits.due(100.0, 100.0, 0) == 105.0  # nothing yet: the grace
    assert limits.due(100.0, 103.0, 240) == 105.0  # a second's worth
    assert limits.due(100.0, 108.0, 2_400) == 110.0  # ten seconds' worth
    assert limits.due(100.0, 101.0, 1_000_000) == 111.0  # rich, but nobody pauses for longer than ten seconds
    assert limits.due(100.0, 215.0, 1_000_000) == 220.0  # nor takes longer than two minutes


def test_a_sender_below_the_minimum_rate_is_not_waited_for():
    async def receive():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    slow = Request({"type": "http", "method": "POST", "headers": []}, receive)

    with pytest.raises(RequestTimeout):
        asyncio.run(read_one(slow, BodyLimits(10_000, min_rate=1_000.0, grace_seconds=0.05)))


def test_a_sender_who_leaves_is_counted():
    left = []

    async def receive():
        return {"type": "http.disconnect"}

    gone = Request({"type": "http", "method": "POST", "headers": []}, receive)

    with pytest.raises(MalformedRequest):
        asyncio.run(read_one(gone, BodyLimits(10_000, abandoned=lambda: left.append(1))))
    assert left == [1]
