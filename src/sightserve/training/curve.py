"""evaluate -> [how accuracy grows with photos, and what twice as many would bring] -> report."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.training.evaluate import HeldOut
from sightserve.training.facts import CurvePoint
from sightserve.training.folds import Numbers
from sightserve.training.head import Problem, fit

_SHARES: Final = (1 / 8, 1 / 4, 1 / 2)  # of the scenes of each class
_LEAST_POINTS: Final = 3
_LEAST_SCENES: Final = 20  # that are held out in all: fewer are no measurement
_EXPONENTS: Final = np.linspace(0.1, 1.0, 19)


def curve(problem: Problem, held: HeldOut, tell: Callable[[], None]) -> tuple[CurvePoint, ...]:
    """Return the accuracy on held-out photos with fewer to learn from; the last point is with all but those held out.

    Each set of photos is part of the next, and scenes stay whole.
    """
    every = np.arange(len(problem.targets))
    right = np.zeros(len(_SHARES) + 1)
    learned = np.zeros(len(_SHARES) + 1)
    right[-1] = (held.logits.argmax(axis=1) == problem.targets).sum()
    folds = len(held.ways)
    for fold, how in enumerate(held.ways):
        within = held.folds == fold
        of = problem.some(every[~within])
        ranks = _ranks(problem, of)
        learned[-1] += len(of) / folds
        for at, share in enumerate(_SHARES):
            few = of[ranks <= share]
            learned[at] += len(few) / folds
            if within.any() and len(few):
                said = fit(problem, few, how, held.views).logits(problem.vectors[within])
                right[at] += (said.argmax(axis=1) == problem.targets[within]).sum()
        tell()
    points: dict[int, float] = {}
    for count, hits in zip(learned, right, strict=True):
        points[max(1, round(count / problem.classes))] = float(hits) / len(every)
    return tuple(CurvePoint(photos=photos, accuracy=accuracy) for photos, accuracy in points.items())


def _ranks(problem: Problem, of: Numbers) -> NDArray[np.float64]:
    """Return for each photo at which share of its class's scenes its own comes, above 0; the first of a class always comes."""
    targets, groups = problem.targets[of], problem.groups[of]
    generator = np.random.default_rng(problem.seed + 2)
    ranks = np.empty(len(of))
    for each in np.unique(targets):
        within = targets == each
        scenes, members = np.unique(groups[within], return_inverse=True)
        places = generator.permutation(len(scenes))
        shares = (places + 1) / len(scenes)
        shares[places == 0] = 0
        ranks[within] = shares[members]
    return ranks


def expected(points: Sequence[CurvePoint], photos: float, scenes: int) -> float | None:
    """Return the accuracy to expect with so many photos a class; None where the curve says nothing.

    What is wrong falls as a power of the photos, to a rest that stays (Cortes et al., "Learning curves", 1993).

    Args:
        points: of the curve.
        photos: of each class.
        scenes: that the accuracies were measured on.
    """
    from scipy.optimize import nnls

    if len(points) < _LEAST_POINTS or scenes < _LEAST_SCENES:
        return None
    counts = np.array([point.photos for point in points], dtype=np.float64)
    wrong = 1 - np.array([point.accuracy for point in points])
    noise = np.sqrt(np.maximum(wrong * (1 - wrong), 1 / scenes) / scenes)
    if wrong[-1] > wrong[0] + noise[-1]:
        return None  # it gets worse with photos: chance, or labels that contradict each other
    best, slope, exponent = np.inf, 0.0, 1.0
    for each in _EXPONENTS:
        sides = np.stack([np.ones_like(counts), counts**-each], axis=1) / noise[:, None]
        (_, factor), residual = nnls(sides, wrong / noise)
        if residual < best - 1e-9:
            best, slope, exponent = residual, factor, each
    # what is measured now is where it begins: the curve says by how much it falls from there
    falls = slope * (counts[-1] ** -exponent - photos**-exponent)
    return float(np.clip(1 - wrong[-1] + falls, 0, 1))
