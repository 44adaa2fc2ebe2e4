"""Answers to held-out photos -> [what is known of each class, and what was wrong] -> report."""

from typing import Final

import numpy as np

from sightserve.training.calibrate import Logits
from sightserve.training.facts import Mistake, OfClass
from sightserve.training.features import Features
from sightserve.training.folds import Numbers
from sightserve.training.intervals import wilson

_MISTAKES: Final = 50


def of_classes(
    labels: tuple[str, ...], confusion: Numbers, of_class: Numbers, of_answer: Numbers
) -> tuple[OfClass, ...]:
    """Return what is known of each class.

    Args:
        labels: of the classes.
        confusion: photos by their class and by what was said.
        of_class: scenes of each class.
        of_answer: scenes that got each class's label.
    """
    photos, answers = confusion.sum(axis=1), confusion.sum(axis=0)
    return tuple(
        OfClass(
            label=label,
            photos=int(photos[at]),
            scenes=int(of_class[at]),
            recall=wilson(float(confusion[at, at] / photos[at]), int(of_class[at])),
            precision=wilson(float(confusion[at, at] / answers[at]), int(of_answer[at])) if answers[at] else None,
        )
        for at, label in enumerate(labels)
    )


def surest_mistakes(
    features: Features, labels: tuple[str, ...], targets: Numbers, said: Numbers, probabilities: Logits
) -> tuple[Mistake, ...]:
    """Return what was wrong, the surest first."""
    wrong = np.flatnonzero(said != targets)
    sure = probabilities[wrong, said[wrong]]
    first = wrong[np.argsort(-sure, kind="stable")][:_MISTAKES]
    return tuple(
        Mistake(
            name=features.examples[at].name,
            label=labels[targets[at]],
            predicted=labels[said[at]],
            probability=float(probabilities[at, said[at]]),
        )
        for at in first
    )
