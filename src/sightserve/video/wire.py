"""What the worker's process and ours say to each other: JSON, and a picture behind it. Never pickle."""

import json
import struct
from typing import Any, BinaryIO, Final, NamedTuple

_HEAD: Final = struct.Struct(">II")  # bytes of JSON, bytes behind it
_MOST: Final = 64 * 1024 * 1024


class Message(NamedTuple):
    """One message: what it says, and the bytes that come with it."""

    body: dict[str, Any]
    data: bytes = b""


def send(pipe: BinaryIO, body: dict[str, Any], data: bytes = b"") -> None:
    """Write one message."""
    text = json.dumps(body).encode()
    pipe.write(_HEAD.pack(len(text), len(data)) + text + data)
    pipe.flush()


def take(buffer: bytearray) -> Message | None:
    """Take the first message out of what has arrived; None where it is not complete yet.

    Raises:
        ValueError: this is no message of ours.
    """
    if len(buffer) < _HEAD.size:
        return None
    text, data = _HEAD.unpack_from(buffer)
    if text + data > _MOST:
        raise ValueError("a message is larger than any of ours")
    total = _HEAD.size + text + data
    if len(buffer) < total:
        return None
    body = json.loads(bytes(buffer[_HEAD.size : _HEAD.size + text]))
    message = Message(body, bytes(buffer[_HEAD.size + text : total]))
    del buffer[:total]
    return message
