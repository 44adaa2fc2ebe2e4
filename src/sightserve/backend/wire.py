"""What the server and its slots say to each other: JSON, and images as they are.

Not pickle, which would let a slot that a hostile image has taken over run code in the server.
"""

import json
from multiprocessing.connection import Connection
from typing import Any

from sightserve.backend import errors
from sightserve.backend.errors import BackendError, ImageError, ModelError
from sightserve.backend.job import Answer, Job


def ask(connection: Connection) -> Any:  # noqa: ANN401 - JSON
    """Return the next message; raises EOFError when the other end has closed."""
    return json.loads(connection.recv_bytes())


def reply(connection: Connection, message: dict[str, object]) -> None:
    """Send one message."""
    connection.send_bytes(json.dumps(message).encode())


def send_jobs(connection: Connection, jobs: list[Job], waited: list[float], alone: bool) -> None:
    """Send jobs: one message that describes them, then each image."""
    fields = [[job.filename, job.top_k, job.probabilities] for job in jobs]
    reply(connection, {"jobs": fields, "waited": waited, "alone": alone})
    for job in jobs:
        connection.send_bytes(job.image)


def job_of(fields: list[Any], image: bytes) -> Job:
    """Return the job that `send_jobs` sent."""
    filename, top_k, probabilities = fields
    return Job(image, filename, top_k, probabilities)


def outcome_of(told: dict[str, Any]) -> Answer | BackendError:
    """Return what a slot told of one job: its answer, or its error under its own name."""
    if "answer" in told:
        return Answer(*told["answer"])
    kind = getattr(errors, told["error"], None)
    if isinstance(kind, type) and issubclass(kind, ImageError):
        return kind(told["detail"])
    return ModelError(f"{told['error']}: {told['detail']}")
