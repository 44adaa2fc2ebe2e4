"""Compressed bodies: what they were, and what they would become."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import pytest

from sightserve.backend.errors import MalformedRequest, Overloaded, PayloadTooLarge, UnsupportedImageType
from sightserve.backend.http.compression import decompressed

TEXT = bytes(range(256)) * 10_000  # 2.5 MB: three steps


def run(
    body: bytes, encoding: str, max_bytes: int = 30 * 2**20, grow: Callable[[int], None] = lambda _size: None
) -> bytes:
    return asyncio.run(decompressed(body, encoding, max_bytes, grow))


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@pytest.mark.parametrize("text", [TEXT, b"", TEXT[: 2**20]])
def test_a_body_comes_back(encoding, compress, text):
    assert run(compress(text), encoding) == text


def test_a_bomb_is_refused_at_the_limit():
    """A hundred megabytes in a hundred kilobytes; and no more than a step beyond the limit is ever held."""
    held: list[int] = []

    with pytest.raises(PayloadTooLarge, match="when it is decompressed"):
        run(gzip.compress(bytes(100 * 2**20)), "gzip", 5 * 2**20, held.append)

    assert max(held) <= 6 * 2**20


def test_what_all_bodies_may_hold_together_bounds_it_too():
    def full(_size: int) -> None:
        raise Overloaded("bytes_full", 1)

    with pytest.raises(Overloaded):
        run(gzip.compress(TEXT), "gzip", grow=full)


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b + b"more"])
@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_what_is_not_whole_is_refused(encoding, compress, damage):
    with pytest.raises(MalformedRequest):
        run(damage(compress(TEXT)), encoding)


def test_what_is_not_compressed_at_all_is_refused():
    with pytest.raises(MalformedRequest, match="damaged"):
        run(TEXT, "gzip")


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd", "x" * 10_000])
def test_other_encodings_are_refused(encoding):
    with pytest.raises(UnsupportedImageType, match="gzip, deflate or none"):
        run(TEXT, encoding)
