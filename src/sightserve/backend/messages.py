"""Jobs and their outcomes as messages between the server and a slot: images as they are, everything else as JSON."""

import math
import socket
from collections.abc import Sequence
from typing import Any

from sightserve.backend import errors
from sightserve.backend.errors import BackendError, ImageError, ModelError, NeedsMemory
from sightserve.backend.job import Answer, Job
from sightserve.sandbox.wire import Message, message, receive_bytes


def jobs_message(jobs: Sequence[Job], waited: Sequence[float], *, alone: bool, room: int) -> list[bytes]:
    """Return what tells a slot of jobs: one message that describes them, then each image."""
    fields = [[len(job.image), *_parameters(job)] for job in jobs]
    head = {"jobs": fields, "waited": waited, "alone": alone, "room": room}
    return [message(head), *(job.image for job in jobs)]


def receive_job(connection: socket.socket, fields: list[Any]) -> Job:
    """Wait for the image of a job that a message described."""
    size, filename, top_k, probabilities, heat_map, heat_map_of, patience, answer_id = fields
    image = receive_bytes(connection, size)
    patience = math.inf if patience is None else patience
    return Job(image, filename, top_k, probabilities, heat_map, heat_map_of, patience, answer_id)


def _parameters(job: Job) -> list[object]:
    patience = None if job.patience == math.inf else job.patience  # JSON knows no infinity
    return [job.filename, job.top_k, job.probabilities, job.heat_map, job.heat_map_of, patience, job.id]


def outcomes_message(outcomes: Sequence[Answer | BackendError]) -> bytes:
    """Return what tells the server how jobs ended: the times and sizes of the answers or the errors, then the answers."""
    bodies = [outcome.body.encode() if isinstance(outcome, Answer) else b"" for outcome in outcomes]
    told = [_told(outcome, len(body)) for outcome, body in zip(outcomes, bodies, strict=True)]
    return message({"outcomes": told}, b"".join(bodies))


def outcomes_in(told: Message, *, asked: int, room: int) -> list[Answer | BackendError]:
    """Return how jobs ended; whatever error this raises, the slot said something else.

    Args:
        told: by the slot.
        asked: how many jobs it worked on.
        room: pixels that it might hold in memory for them.
    """
    outcomes: list[Answer | BackendError] = []
    start = 0
    for outcome in told.content["outcomes"]:
        if isinstance(outcome, int):
            outcomes.append(NeedsMemory(outcome))
        elif isinstance(outcome, dict):
            outcomes.append(_error(outcome["error"], outcome["detail"]))
        else:
            size, queue, decode, inference = outcome
            body = told.attached[start : start + size]
            outcomes.append(Answer(body.decode(), float(queue), float(decode), float(inference)))
            start += size
    if start != len(told.attached):
        raise ValueError("the answers are longer or shorter than announced")
    if not outcomes or len(outcomes) != asked:
        raise ValueError("it answered what nobody asked")
    if any(isinstance(outcome, NeedsMemory) and outcome.pixels <= room for outcome in outcomes):
        raise ValueError("it asked for memory that it had")
    return outcomes


def _told(outcome: Answer | BackendError, size: int) -> object:
    if isinstance(outcome, Answer):
        return [size, outcome.queue, outcome.decode, outcome.inference]
    if isinstance(outcome, NeedsMemory):
        return outcome.pixels
    return {"error": type(outcome).__name__, "detail": str(outcome)}


def _error(name: str, detail: str) -> BackendError:
    """Return a slot's error under its own name, where the caller may know of it."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, ImageError):
        return kind(detail)
    return ModelError(f"{name}: {detail}")
