"""What a child process and ours say to each other: JSON, its length before it, and bytes as they are behind it.

Not pickle, which would let a child that a hostile file has taken over run code in our process.
"""

import json
import socket
import struct
from typing import Any, Final, NamedTuple

# A batch of 256 answers with all of 1,000 classes is 6 MB; whoever announces more is not to make the other side hold it.
MOST_BYTES: Final = 64 * 2**20
_HEAD: Final = struct.Struct("!II")  # bytes of JSON, and of what follows it as it is


class Message(NamedTuple):
    """A JSON object, and bytes that belong to it."""

    content: dict[str, Any]
    attached: bytes = b""


def message(content: dict[str, object], attached: bytes = b"") -> bytes:
    """Return a message as it is sent."""
    text = json.dumps(content).encode()
    return _HEAD.pack(len(text), len(attached)) + text + attached


def take(received: bytearray) -> Message | None:
    """Take the first message out of what has arrived; None as long as it is not whole.

    Raises:
        ValueError: too long, or no JSON object.
    """
    if len(received) < _HEAD.size:
        return None
    middle, end = _ends(received)
    if len(received) < end:
        return None
    found = Message(_content(received[_HEAD.size : middle]), bytes(received[middle:end]))
    del received[:end]
    return found


def receive(connection: socket.socket) -> dict[str, Any]:
    """Wait for a message with nothing attached and return its content.

    Raises:
        EOFError: the other end has closed.
        ValueError: too long, or no JSON object; or bytes are attached, which nobody expects here.
    """
    content, attached = receive_message(connection)
    if attached:
        raise ValueError("a message with bytes attached, which nobody expects here")
    return content


def receive_message(connection: socket.socket) -> Message:
    """Wait for a message.

    Raises:
        EOFError: the other end has closed.
        ValueError: too long, or no JSON object.
    """
    middle, end = _ends(receive_bytes(connection, _HEAD.size))
    content = _content(receive_bytes(connection, middle - _HEAD.size))
    return Message(content, receive_bytes(connection, end - middle))


def receive_bytes(connection: socket.socket, size: int) -> bytes:
    """Wait for exactly so many bytes; raises EOFError when the other end closes before."""
    pieces = []
    while size:
        piece = connection.recv(size, socket.MSG_WAITALL)  # one call for all, unless a signal comes in between
        if not piece:
            raise EOFError("the other end has closed")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _ends(head: bytes | bytearray) -> tuple[int, int]:
    """Return where the JSON ends, and where the message does."""
    text, attached = _HEAD.unpack_from(head)
    if text + attached > MOST_BYTES:
        raise ValueError(f"a message of {text + attached} bytes")
    return _HEAD.size + text, _HEAD.size + text + attached


def _content(text: bytes | bytearray) -> dict[str, Any]:
    content = json.loads(text.decode())
    if not isinstance(content, dict):
        raise ValueError("a message is a JSON object")
    return content
