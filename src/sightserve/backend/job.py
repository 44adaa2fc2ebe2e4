"""What crosses between the server and its slots: how to work, an image to classify, and the answer to it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

LARGEST_BATCH: Final = 8  # images: twice as many gain nothing more, and everybody waits for the last of them


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
    """One image's prediction, ready to be sent: an `api.schema.Prediction` as JSON, and the seconds that it took.

    Attributes:
        body: the JSON.
        queue: until and while others were worked on.
        decode: of this image.
        inference: this image's share of the call, which several may have shared.
    """

    body: str
    queue: float
    decode: float
    inference: float


@dataclass(frozen=True, slots=True)
class Setup:
    """What a slot works with: the model and the settings that concern it, checked by the server.

    Attributes:
        name: of the model, for the answers.
        version: of the model, for the answers.
        labels: class names in the model's order.
        width: of the model's input, in pixels.
        height: of the model's input, in pixels.
        crop: see `decode.Decoder`.
        interpolation: see `decode.Decoder`.
        max_pixels: of one image.
        most_in_memory: how many pixels at four bytes each the decoding of one image may ever take.
        threads_when_alone: that work on a request while nothing else is in flight.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    width: int
    height: int
    crop: float
    interpolation: str
    max_pixels: int
    most_in_memory: int
    threads_when_alone: int


class Plan(NamedTuple):
    """What to do with this model on this machine, as `calibrate` measured it.

    Attributes:
        batch: how many requests run together in one call of the model.
        inference: seconds of one call with one image on one thread.
    """

    batch: int = 1
    inference: float = 0.006
