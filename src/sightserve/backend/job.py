"""What crosses between the server and its slots: how to work, an image to classify, and the answer to it."""

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

TOP_K: Final = 5  # classes of an answer where nobody says how many; all of a model that has fewer
LARGEST_BATCH: Final = 8  # images: twice as many gain nothing more, and everybody waits for the last of them


@dataclass(frozen=True, slots=True)
class Job:
    """One image to classify.

    Attributes:
        image: an encoded image (JPEG, PNG, ...).
        filename: handed through to the answer.
        top_k: how many classes to return, 1 <= top_k <= classes.
        probabilities: whether to return every class's probability too.
        heat_map: whether to say where the model looked.
        heat_map_of: the class that this is said of, by its index; None: the most probable one.
        patience: seconds from the image's arrival to when nobody waits any more.
    """

    image: bytes
    filename: str | None = None
    top_k: int = TOP_K
    probabilities: bool = False
    heat_map: bool = False
    heat_map_of: int | None = None
    patience: float = math.inf


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
        input: how a photo becomes the model's input, as `imaging.geometry.input_geometry` takes it, and the interpolation.
        exclusive: whether one class is right; else each has a probability of its own.
        temperature: that logits are divided by; 1 leaves them.
        least_standout: of a first class that is taken for recognised; None: every one is.
        least_probability: of a first class that is taken for recognised; None: any.
        output: of the graph, with the probabilities; None: the only one of the right shape.
        features: output of the graph that class activation maps are made of; None where there is none.
        max_pixels: of one image.
        most_in_memory: how many pixels at four bytes each the decoding of one image may ever take.
        threads_when_alone: that work on a request while nothing else is in flight.
        max_batch: images that the graph takes at once; None: any number.
        share_weights: have all slots work on the same external weights, instead of each on copies of its own.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    input: dict[str, Any]
    exclusive: bool
    temperature: float
    least_standout: float | None
    least_probability: float | None
    output: str | None
    features: str | None
    max_pixels: int
    most_in_memory: int
    threads_when_alone: int
    max_batch: int | None = None
    share_weights: bool = False

    @property
    def outputs(self) -> str:
        """What the probabilities mean, as the API says it."""
        return "exclusive" if self.exclusive else "independent"


class Plan(NamedTuple):
    """What to do with this model on this machine, as `calibrate` measured it.

    Attributes:
        batch: how many requests run together in one call of the model.
        inference: seconds of one call with one image on one thread.
    """

    batch: int = 1
    inference: float = 0.006
