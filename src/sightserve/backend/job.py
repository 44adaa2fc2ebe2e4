"""What crosses between the server and its slots: an image to classify, the answer to it, and the plan to work by."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Job:
    """One image to classify.

    Attributes:
        image: an encoded image (JPEG, PNG, ...).
        filename: handed through to the answer.
        top_k: how many classes to return, 1 <= top_k <= classes.
        probabilities: whether to return every class's probability too.
    """

    image: bytes
    filename: str | None = None
    top_k: int = 5
    probabilities: bool = False


class Answer(NamedTuple):
    """One image's prediction, ready to be sent: an `api.schema.Prediction` as JSON, and the seconds that it took."""

    body: str
    queue: float
    decode: float
    inference: float


class Plan(NamedTuple):
    """What to do with this model on this machine, as `calibrate` measured it.

    Attributes:
        batch: how many requests run together in one call of the model.
        wide: whether a request that is alone gets all cores.
        inference: seconds of one call with one image on one thread.
    """

    batch: int = 1
    wide: bool = False
    inference: float = 0.006
