"""What goes into the database and what comes out of it, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Verdict = Literal["right", "wrong"]
Source = Literal["page", "client", "command", "api"]


@dataclass(frozen=True, slots=True)
class Predicted:
    """An answer that somebody got.

    Attributes:
        id: that they were told: 128 random bits, base64url, so that nobody guesses another's.
        at: when, UTC.
        model_sha256: of its ONNX file; name and version are in the answer.
        image: the bytes that were classified; only their sha256 and their number are kept, and these are let go of at once.
        answer: an `api.schema.Prediction` as JSON.
        source: who asked.
    """

    id: str
    at: datetime
    model_sha256: str
    image: bytes
    answer: str
    source: Source


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says of an answer.

    Attributes:
        prediction: its id.
        at: when, UTC.
        verdict: whether it was right.
        label: what it is, where it was wrong and they say so; one of the model's, or a new one.
        note: in their own words.
        photo: as a worker in a sandbox has made it anew: a JPEG without metadata; None where they did not give it.
        photo_sha256: of the bytes that it was made from: has to be the image's that was classified.
    """

    prediction: str
    at: datetime
    verdict: Verdict
    label: str | None = None
    note: str = ""
    photo: bytes | None = None
    photo_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A photo that people gave, and what they say that it shows: the last correction counts.

    Attributes:
        image_sha256: of the bytes that were classified.
        label: what it shows.
        photo: a JPEG.
        at: when it was said, UTC.
    """

    image_sha256: str
    label: str
    photo: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """How right a model was, by what people said: the last word on each answer counts.

    Attributes:
        predictions: that are kept.
        judged: of them.
        right: of these.
        low, high: between what the share lies with 95 % confidence (Wilson); None where nothing was judged.
    """

    predictions: int
    judged: int
    right: int
    low: float | None = None
    high: float | None = None
