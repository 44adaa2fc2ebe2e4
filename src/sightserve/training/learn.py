"""features -> [a linear head, and all that is known of it from photos that it had not seen] -> graft, report."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.training import calibrate
from sightserve.training.advice import advise, wanting
from sightserve.training.curve import curve, expected
from sightserve.training.errors import TrainError
from sightserve.training.evaluate import FOLDS, HeldOut, choose, held_out
from sightserve.training.facts import Advice, CurvePoint, Interval, Mistake, OfClass, Report, Twins, Unread
from sightserve.training.features import Features
from sightserve.training.folds import Numbers, parted, scenes
from sightserve.training.head import Head, How, Problem, fit
from sightserve.training.intervals import wilson
from sightserve.training.listener import Listener
from sightserve.training.measure import of_classes, surest_mistakes

_LEAST_PHOTOS: Final = 2  # of a class: one to learn from, one to ask
_FEW_IN_WORDS: Final = 5
_FINAL_SHARE: Final = 2.0  # of the photos of a fit: the last one is done once
_FOR_ONE_THREAD: Final = 200_000_000  # photos x axes x classes: below, threads cost more than they bring


@dataclass(frozen=True, slots=True)
class Learned:
    """A head, and what was measured of it; see `facts.Report` for what is not explained here.

    Attributes:
        weights: float32 (classes, features), for the features as the network gives them.
        bias: float32 (classes,).
        labels: in the order of the weights' rows.
        notes: what a person should know.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    labels: tuple[str, ...]
    photos: int
    scenes: int
    accuracy: Interval
    chance: float
    training_accuracy: float
    classes: tuple[OfClass, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_before: float
    calibration_after: float
    temperature: float
    least_probability: float | None
    kept_at_least: float | None
    mistakes: tuple[Mistake, ...]
    curve: tuple[CurvePoint, ...]
    expected_at_double: float | None
    views: tuple[str, ...]
    advice: tuple[Advice, ...]
    notes: tuple[str, ...]

    def report(
        self,
        *,
        name: str,
        version: str,
        base: str,
        seconds: float = 0.0,
        twins: tuple[Twins, ...] = (),
        left_out: tuple[Unread, ...] = (),
        notes: tuple[str, ...] = (),
        corrections: int = 0,
    ) -> Report:
        """Return all that is told of the training, with what others know of it."""
        own = {field: getattr(self, field) for field in Report.model_fields if field in self.__slots__}
        own["notes"] = (*notes, *self.notes)
        return Report(
            **own, name=name, version=version, base=base, seconds=seconds, twins=twins, left_out=left_out,
            corrections=corrections,
        )  # fmt: skip


def learn(
    features: Features,
    groups: NDArray[np.int64],
    labels: tuple[str, ...],
    *,
    none_of_these: bool,
    listener: Listener,
    seed: int = 0,
    known: NDArray[np.float32] | None = None,
) -> Learned:
    """Learn to tell photos apart by their features, and measure it on photos held out; the same input gives the same head.

    Args:
        features: of the photos, and of views of them.
        groups: of near-duplicates, by number, (photos,): what is in one is held out together.
        labels: a class's index is its place here.
        none_of_these: whether to find the least probability, below which an answer is none of the labels.
        listener: told how it goes.
        seed: of the order in which photos are held out.
        known: weights of the network's own last layer (`graft.own_weights`): they say what its features have in common, which
            helps where it helps on photos held out.

    Raises:
        TrainError: there is nothing to be learned from these.
    """
    from threadpoolctl import threadpool_limits

    targets = _targets(features, labels)
    to_hold_out, alone = parted(targets, groups, len(labels))
    problem = Problem(features.vectors, features.views, targets, to_hold_out, len(labels), seed, known)
    done, of = 0, FOLDS * (3 + len(features.views)) + 1

    def tell() -> None:
        nonlocal done
        done = min(done + 1, of)
        listener.step("Learning", done, of)

    with threadpool_limits(limits=1 if problem.work <= _FOR_ONE_THREAD else None):
        held = held_out(problem, tell)
        points = curve(problem, held, tell)
        every = np.arange(len(targets))
        how = choose(problem, every)
        head = fit(problem, every, how, held.views, _FINAL_SHARE)
        training_accuracy = float((head.logits(features.vectors).argmax(axis=1) == targets).mean())
    listener.step("Learning", of, of)
    return _measured(
        features, targets, groups, labels, held, points, training_accuracy, head, how,
        notes=_notes(labels, alone), none_of_these=none_of_these,
    )  # fmt: skip


def _targets(features: Features, labels: tuple[str, ...]) -> Numbers:
    """Return each photo's class.

    Raises:
        TrainError: some class cannot be learned.
    """
    index = {label: number for number, label in enumerate(labels)}
    if len(labels) < 2:  # noqa: PLR2004
        raise TrainError(
            f"there is one class, {labels[0]}: a classifier tells two or more apart. Add a folder of what else may be seen"
            if labels
            else "there are no classes: put the photos of each into a folder of its name"
        )
    targets = np.array([index[example.label] for example in features.examples], dtype=np.int64)
    counts = np.bincount(targets, minlength=len(labels))
    few = [f"{label} ({count})" for label, count in zip(labels, counts, strict=True) if count < _LEAST_PHOTOS]
    if few:
        raise TrainError(
            f"{_listed(few)}: each class needs at least {_LEAST_PHOTOS} photos that can be read, and 20 or more make it "
            "useful. Add photos, or take the class out"
        )
    broken = ~np.isfinite(features.vectors).all(axis=1)
    if broken.any():
        names = [features.examples[at].name for at in np.flatnonzero(broken)]
        raise TrainError(
            f"the network gives no numbers (NaN or infinity) for {_listed(names)}: take them out, or train on another network"
        )
    return targets


def _listed(names: list[str]) -> str:
    more = len(names) - _FEW_IN_WORDS
    return ", ".join(names[:_FEW_IN_WORDS]) + (f" and {more:,} more" if more > 0 else "")


def _notes(labels: tuple[str, ...], alone: Numbers) -> tuple[str, ...]:
    if not len(alone):
        return ()
    names = [f"“{labels[at]}”" for at in alone]
    return (
        f"All photos of {_listed(names)} look like one scene: it was measured on other photos of that same scene, so "
        "elsewhere expect less. Add photos of other things, places and light.",
    )


def _measured(
    features: Features,
    targets: Numbers,
    groups: NDArray[np.int64],
    labels: tuple[str, ...],
    held: HeldOut,
    points: tuple[CurvePoint, ...],
    training_accuracy: float,
    head: Head,
    how: How,
    *,
    notes: tuple[str, ...],
    none_of_these: bool,
) -> Learned:
    classes = len(labels)
    known, folds = held.known, held.folds[held.known]
    logits, right = held.logits[known], targets[known]
    raw = logits * np.array([each.temperature for each in held.ways])[folds][:, None]
    temperature = calibrate.temperature(logits, right)
    probabilities = calibrate.softmax(held.logits, temperature)
    said = probabilities.argmax(axis=1)
    of_class = scenes(targets, groups, classes)
    all_scenes = len(np.unique(groups))
    accuracy = wilson(float((said == targets).mean()), all_scenes)
    confusion = np.bincount(targets * classes + said, minlength=classes * classes).reshape(classes, classes)
    each = wanting(of_classes(labels, confusion, of_class, scenes(said, groups, classes)), accuracy)
    least = calibrate.least_probability(probabilities[known], right) if none_of_these else None
    mistakes = surest_mistakes(features, labels, targets, said, probabilities)
    counts = np.bincount(targets, minlength=classes)
    double = expected(points, 2 * len(targets) / classes, all_scenes)
    chance = float(counts.max() / len(targets))
    if none_of_these and least is None:
        notes = (*notes, "“None of these” is left out: no probability tells right answers from chance on these photos.")
    return Learned(
        weights=head.weights.astype(np.float32),
        bias=head.bias.astype(np.float32),
        labels=labels,
        photos=len(targets),
        scenes=all_scenes,
        accuracy=accuracy,
        chance=chance,
        training_accuracy=training_accuracy,
        classes=each,
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        calibration_before=calibrate.calibration_error(calibrate.softmax(raw), right),
        calibration_after=calibrate.crossed(logits, right, folds),
        temperature=round(how.temperature * temperature, 4),
        least_probability=least and least[0],
        kept_at_least=least and least[1],
        mistakes=mistakes,
        curve=points,
        expected_at_double=double,
        views=held.views,
        advice=advise(each, accuracy, chance, training_accuracy, double, mistakes),
        notes=notes,
    )
