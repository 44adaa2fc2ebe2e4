"""What is told of a training, measured on photos that the classifier had not seen.

Written as JSON; drawn by the terminal, an HTML page and the web app.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]


class Fact(BaseModel):
    """Base of all here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Interval(Fact):
    """A share, and between what it lies with 95 % confidence (Wilson, 1927)."""

    value: Fraction
    low: Fraction
    high: Fraction


class OfClass(Fact):
    """What is known of one class.

    Attributes:
        photos: that could be read; groups of near-duplicates among them count once in `scenes`.
        recall: share of its photos that get its label.
        precision: share of the photos that get its label which are its; None where none gets it.
        wants_more: whether more photos of it would help most.
    """

    label: str
    photos: int
    scenes: int
    recall: Interval
    precision: Interval | None = None
    wants_more: bool = False


class Mistake(Fact):
    """A photo that got another label than its own, as sure as it was; often its own is wrong."""

    name: str
    label: str
    predicted: str
    probability: Fraction


class CurvePoint(Fact):
    """Accuracy with so many photos of each class, on average, to learn from."""

    photos: int
    accuracy: Fraction


class Twins(Fact):
    """Photos that look alike and lie in different classes."""

    names: tuple[str, ...]
    labels: tuple[str, ...]


class Unread(Fact):
    """A photo that was left out, and why."""

    name: str
    why: str


class Advice(Fact):
    """What to do about it.

    Attributes:
        code: `enough`, `more_photos`, `check_labels`, `beyond_linear` or `balance`.
        words: a sentence or two.
    """

    code: Literal["enough", "more_photos", "check_labels", "beyond_linear", "balance"]
    words: str


class Report(Fact):
    """All of it.

    Attributes:
        name, version: of the model.
        base: the network whose features these are.
        labels: in the model's order.
        photos: learned from.
        scenes: groups of near-duplicates among them; never on both sides of a split.
        accuracy: on photos that it had not seen, in folds.
        chance: accuracy of always naming the largest class.
        training_accuracy: on those that it has seen.
        confusion: rows are the photos' labels, columns what it says.
        calibration_before, calibration_after: expected calibration error, without and with the temperature.
        temperature: that logits are divided by.
        least_probability: below it, an answer counts as none of these; None: always one of these.
        kept_at_least: share of right answers on unseen photos that are at least so probable.
        mistakes: the surest first, at most 50.
        twins: see above.
        curve: how accuracy grows with photos.
        expected_at_double: what the curve says of twice as many photos; None where it says nothing.
        views: augmentations that helped, and were learned from.
        advice: what to do, the most useful first.
        corrections: how many people's corrections were learned from.
        seconds: it took.
    """

    format: Literal[1] = 1
    name: str
    version: str
    base: str
    labels: tuple[str, ...]
    photos: int
    scenes: int
    accuracy: Interval
    chance: Fraction
    training_accuracy: Fraction
    classes: tuple[OfClass, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_before: Fraction
    calibration_after: Fraction
    temperature: float
    least_probability: Fraction | None = None
    kept_at_least: Fraction | None = None
    mistakes: tuple[Mistake, ...] = ()
    twins: tuple[Twins, ...] = ()
    left_out: tuple[Unread, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    expected_at_double: Fraction | None = None
    views: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()
    corrections: int = 0
    seconds: float = 0.0
