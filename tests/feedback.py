"""Answers that somebody got, and what they said of them, for tests of what is kept."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

from sightserve.api.schema import ImageInfo, ModelRef, Prediction, RankedLabel, Timing
from sightserve.feedback.records import Correction, Predicted, Verdict

MODEL = "a" * 64
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
_numbers = itertools.count()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: float) -> None:
        self.now += timedelta(**by)


def predicted(
    label: str = "tabby",
    probability: float = 0.7,
    *,
    key: str | None = None,
    image: bytes | None = None,
    at: datetime = AT,
    recognised: bool = True,
    kind: str = "JPEG",
    version: str = "1.0",
) -> Predicted:
    number = next(_numbers)
    answer = Prediction(
        prediction=label,
        probability=probability,
        recognised=recognised,
        top_k=[
            RankedLabel(index=0, label=label, probability=probability),
            RankedLabel(index=1, label="lynx", probability=1 - probability),
        ],
        model=ModelRef(name="cats", version=version),
        image=ImageInfo(width=2000, height=1000, format=kind),
        timing_ms=Timing(queue=0, decode=1, inference=1),
    )
    return Predicted(
        id=key or f"answer-{number:06}",
        at=at,
        model_sha256=MODEL,
        image=image or f"image {number}".encode(),
        answer=answer.model_dump_json(),
        source="api",
    )


def said(
    of: Predicted,
    verdict: Verdict = "wrong",
    label: str | None = None,
    *,
    photo: bytes | None = None,
    note: str = "",
    after: float = 1,
) -> Correction:
    """Return a correction, made so many seconds after the answer."""
    return Correction(
        prediction=of.id,
        at=of.at + timedelta(seconds=after),
        verdict=verdict,
        label=label,
        note=note,
        photo=photo,
        photo_sha256=hashlib.sha256(of.image).hexdigest() if photo else None,
    )
