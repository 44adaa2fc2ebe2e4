"""What the server and its slots say to each other: JSON, its length before it, and images as they are.

Not pickle, which would let a slot that a hostile image has taken over run code in the server.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sightserve.backend import errors
from sightserve.backend.errors import BackendError, ImageError, ModelError
from sightserve.backend.job import Answer, Job

# A batch of 256 with all of 1,000 classes is 6 MB; whoever announces more is not to make the other side hold it.
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


def message_in(received: bytearray) -> Message | None:
    """Return the message that was received; None as long as it is not whole.

    Raises:
        ValueError: too long, no JSON object, or more than one message: a slot speaks only when it is asked.
    """
    if len(received) < _HEAD.size:
        return None
    middle, end = _ends(received)
    if len(received) > end:
        raise ValueError("more than one message")
    if len(received) < end:
        return None
    return Message(_content(received[_HEAD.size : middle]), bytes(received[middle:]))


def receive(connection: socket.socket) -> dict[str, Any]:
    """Wait for a message and return its content.

    Raises:
        EOFError: the other end has closed.
        ValueError: too long, or no JSON object.
    """
    middle, _ = _ends(receive_bytes(connection, _HEAD.size))  # nothing is attached to what is received in this way
    return _content(receive_bytes(connection, middle - _HEAD.size))


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


def outcomes_message(outcomes: Sequence[Answer | BackendError]) -> bytes:
    """Return what tells the server how jobs ended: the times and sizes of the answers or the errors, then the answers."""
    bodies = [outcome.body.encode() if isinstance(outcome, Answer) else b"" for outcome in outcomes]
    told = [
        [len(body), outcome.queue, outcome.decode, outcome.inference]
        if isinstance(outcome, Answer)
        else {"error": type(outcome).__name__, "detail": str(outcome)}
        for outcome, body in zip(outcomes, bodies, strict=True)
    ]
    return message({"outcomes": told}, b"".join(bodies))


def outcomes_in(told: Message) -> list[Answer | BackendError]:
    """Return how jobs ended; whatever error this raises, the slot said something else."""
    outcomes: list[Answer | BackendError] = []
    start = 0
    for outcome in told.content["outcomes"]:
        if isinstance(outcome, dict):
            outcomes.append(_error(outcome["error"], outcome["detail"]))
        else:
            size, queue, decode, inference = outcome
            body = told.attached[start : start + size]
            outcomes.append(Answer(body.decode(), float(queue), float(decode), float(inference)))
            start += size
    if start != len(told.attached):
        raise ValueError("the answers are longer or shorter than announced")
    return outcomes


def _error(name: str, detail: str) -> BackendError:
    """Return a slot's error under its own name, where the caller may know of it."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, ImageError):
        return kind(detail)
    return ModelError(f"{name}: {detail}")


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
