"""What a training tells of its model, read with care: another version may have written it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightserve.frontend.shared import words

Share = Annotated[float, Field(ge=0, le=1)]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Interval(_Fact):
    """A share, and between what it lies with 95 % confidence."""

    value: Share
    low: Share
    high: Share


class OfClass(_Fact):
    """What is known of one class: how many photos it has, and the share of them that get its label."""

    label: str
    photos: int
    recall: Interval
    precision: Interval | None = None
    wants_more: bool = False


class Mistake(_Fact):
    """A photo that got another label than its own."""

    name: str
    label: str
    predicted: str
    probability: Share


class CurvePoint(_Fact):
    """Accuracy with so many photos of each class."""

    photos: float
    accuracy: Share


class Twins(_Fact):
    """Photos that look alike and lie in different classes."""

    names: tuple[str, ...]
    labels: tuple[str, ...]


class Unread(_Fact):
    """A photo that was left out, and why."""

    name: str
    why: str


class Advice(_Fact):
    """What to do about it, in a sentence or two."""

    words: str


class Told(_Fact):
    """What was measured on photos that the model had not seen; rows of `confusion` are the photos' own labels."""

    accuracy: Interval
    classes: tuple[OfClass, ...]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    chance: Share | None = None
    least_probability: Share | None = None
    mistakes: tuple[Mistake, ...] = ()
    twins: tuple[Twins, ...] = ()
    left_out: tuple[Unread, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    expected_at_double: Share | None = None
    advice: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def photos(self) -> int:
        """How many were asked about."""
        return sum(map(sum, self.confusion))

    @property
    def right(self) -> int:
        """How many of them got their own label."""
        return sum(row[at] for at, row in enumerate(self.confusion) if at < len(row))

    def headline(self) -> str:
        """Return how good it is, in a sentence."""
        low, high = round(100 * self.accuracy.low), round(100 * self.accuracy.high)
        return f"Right on {self.right:,} of {self.photos:,} photos it had not seen ({low} to {high} %)"

    def outlook(self) -> str:
        """Return what more photos would bring, in a sentence; empty where that is not known."""
        said = ""
        if len(self.curve) > 1:
            first, last = self.curve[0], self.curve[-1]
            fewest = words.counted(round(first.photos), "photo")
            said = (
                f"With {fewest} of each class it would be right on {first.accuracy:.0%} of them,"
                f" with {last.photos:.0f} on {last.accuracy:.0%}"
            )
        if self.expected_at_double is not None:
            more = f"twice as many photos would bring about {self.expected_at_double:.0%}"
            said = f"{said}; {more}" if said else more[:1].upper() + more[1:]
        return f"{said}." if said else ""


def read(report: Mapping[str, Any]) -> Told | None:
    """Return what a report says; None where it says it in a way that is not known here."""
    try:
        return Told.model_validate(report)
    except ValidationError:
        return None
