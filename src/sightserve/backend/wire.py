"""What the server and its slots say to each other: JSON, its length before it, and images as they are.

Not pickle, which would let a slot that a hostile image has taken over run code in the server.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

from sightserve.backend import errors
from sightserve.backend.errors import BackendError, ImageError, ModelError
from sightserve.backend.job import Answer, Job

# A batch of 256 with all of 1,000 classes is 6 MB; whoever announces more is not to make the other side hold it.
MOST_BYTES: Final = 64 * 2**20
_LENGTH: Final = struct.Struct("!I")


def message(content: dict[str, object]) -> bytes:
    """Return a message as it is sent."""
    text = json.dumps(content).encode()
    return _LENGTH.pack(len(text)) + text


def message_in(received: bytearray) -> dict[str, Any] | None:
    """Return the message that was received; None as long as it is not whole.

    Raises:
        ValueError: too long, no JSON object, or more than one message: a slot speaks only when it is asked.
    """
    if len(received) < _LENGTH.size:
        return None
    end = _LENGTH.size + _bounded(received[: _LENGTH.size])
    if len(received) > end:
        raise ValueError("more than one message")
    return _content(received[_LENGTH.size :]) if len(received) == end else None


def receive(connection: socket.socket) -> dict[str, Any]:
    """Wait for a message.

    Raises:
        EOFError: the other end has closed.
        ValueError: too long, or no JSON object.
    """
    return _content(receive_bytes(connection, _bounded(receive_bytes(connection, _LENGTH.size))))


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


def jobs_message(jobs: Sequence[Job], waited: Sequence[float], alone: bool) -> list[bytes]:
    """Return what tells a slot of jobs: one message that describes them, then each image."""
    fields = [[len(job.image), job.filename, job.top_k, job.probabilities] for job in jobs]
    return [message({"jobs": fields, "waited": waited, "alone": alone}), *(job.image for job in jobs)]


def receive_job(connection: socket.socket, fields: list[Any]) -> Job:
    """Wait for the image of a job that a message described."""
    size, filename, top_k, probabilities = fields
    return Job(receive_bytes(connection, size), filename, top_k, probabilities)


def outcome_of(told: dict[str, Any]) -> Answer | BackendError:
    """Return what a slot told of one job: its answer, or its error under its own name."""
    if "answer" in told:
        return Answer(*told["answer"])
    kind = getattr(errors, told["error"], None)
    if isinstance(kind, type) and issubclass(kind, ImageError):
        return kind(told["detail"])
    return ModelError(f"{told['error']}: {told['detail']}")


def _bounded(head: bytes | bytearray) -> int:
    (size,) = _LENGTH.unpack(head)
    if size > MOST_BYTES:
        raise ValueError(f"a message of {size} bytes")
    return int(size)


def _content(text: bytes | bytearray) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("a message is a JSON object")
    return content
