"""Bodies that their sender compressed, made whole again in steps: a few bytes can be gigabytes."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Final

from sightserve.backend.errors import MalformedRequest, PayloadTooLarge, UnsupportedImageType

_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's names for the formats (RFC 9110, section 8.4.1)
_STEP: Final = 2**20  # bytes


async def decompressed(body: bytes, encoding: str, max_bytes: int, grow: Callable[[int], None]) -> bytes:
    """Return what was compressed.

    Args:
        body: as it arrived.
        encoding: its content encoding, in lower case.
        max_bytes: of the result.
        grow: told after each step how many bytes are held by now; raises when all bodies together are too many.

    Raises:
        UnsupportedImageType: an encoding that is not known, or several.
        PayloadTooLarge: more than `max_bytes`.
        MalformedRequest: it is damaged, or not whole.
    """
    if encoding not in _WINDOW:
        raise UnsupportedImageType(f"content encoding {encoding[:50]!r} is not taken: gzip, deflate or none is")
    decoder = zlib.decompressobj(_WINDOW[encoding])
    pieces: list[bytes] = []
    size, rest = 0, body
    while not decoder.eof:
        try:
            # in a thread, and zlib lets go of the interpreter: others are answered meanwhile
            piece = await asyncio.to_thread(decoder.decompress, rest, _STEP)
        except zlib.error as exc:
            raise MalformedRequest(f"the body is damaged: it is not what its content encoding {encoding} says") from exc
        rest = decoder.unconsumed_tail
        if not piece and not rest and not decoder.eof:
            raise MalformedRequest("the compressed body ends in the middle")
        size += len(piece)
        if size > max_bytes:
            raise PayloadTooLarge(f"the upload is larger than {max_bytes:,} bytes when it is decompressed, the limit")
        grow(len(body) + size)
        pieces.append(piece)
    if decoder.unused_data:
        raise MalformedRequest("the compressed body has something after its end")
    return b"".join(pieces)
