"""head -> [what heads say of photos that they have not seen] -> learn.

Each photo is held out once, with all that look like it. How strongly a head is regularised is chosen without the photos that it
is measured on, by holding out some of the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from sightserve.training.calibrate import Logits, surprise, temperature
from sightserve.training.folds import Numbers, deal
from sightserve.training.head import ABSENT, Problem, fit, path

FOLDS: Final = 5
_INNER: Final = 3
_STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # scikit-learn's C, of rows whose length is about 1
_NESTED: Final = 50_000_000  # photos x axes x classes: with more, what one choice for all folds flatters is nothing
_FOR_CHOICE: Final = 0.1  # share of the photos that a fit otherwise takes
_PHOTOS_FOR_VIEWS: Final = 5000  # with more, seeing each otherwise too brings nothing that is worth the time
_CERTAIN: Final = 2.0  # standard errors

Tell = Callable[[], None]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What was said of each photo by a head that had not seen it.

    Attributes:
        logits: (photos, classes).
        folds: in which each photo was held out, (photos,).
        strengths: of the heads, by fold.
        known: whether the head knew the photo's class at all, (photos,).
        views: that were learned from as well.
    """

    logits: Logits
    folds: Numbers
    strengths: tuple[float, ...]
    known: np.ndarray
    views: tuple[str, ...] = ()


def strength(problem: Problem, of: Numbers) -> float:
    """Return how strongly to fit these photos: whatever surprises least on some of them, held out.

    A temperature is fitted first: what it mends needs no regularisation.
    """
    few = problem.some(of, _FOR_CHOICE) if problem.work > _NESTED else of
    folds = deal(problem.targets[few], problem.groups[few], _INNER, problem.seed + 1)
    logits = np.full((len(_STRENGTHS), len(few), problem.classes), ABSENT)
    for fold in range(_INNER):
        within = folds == fold
        if within.all() or not within.any():
            continue
        for at, head in enumerate(
            path(problem, few[~within], _STRENGTHS, share=_FOR_CHOICE if len(few) < len(of) else 1)
        ):
            logits[at, within] = head.logits(problem.vectors[few[within]])
    targets = problem.targets[few]
    seen = logits[0, np.arange(len(few)), targets] > ABSENT / 2
    if not seen.any():
        return 1.0
    found = []
    for each in logits[:, seen]:
        right = targets[seen]
        found.append(float(surprise(each, right, temperature(each, right), 1 / (len(right) + 2)).mean()))
    return _STRENGTHS[int(np.argmin(found))]


def held_out(problem: Problem, tell: Tell) -> HeldOut:
    """Return what is said of each photo unseen, with those views that help."""
    every = np.arange(len(problem.targets))
    folds = deal(problem.targets, problem.groups, FOLDS, problem.seed)
    of_folds = [every[folds != fold] for fold in range(FOLDS)]
    if problem.work > _NESTED:
        strengths = (strength(problem, every),) * FOLDS
        tell()
    else:
        strengths = tuple(_told(strength(problem, of), tell) for of in of_folds)
    plain = _logits(problem, folds, strengths, (), tell)
    known = plain[every, problem.targets] > ABSENT / 2
    views: tuple[str, ...] = ()
    if problem.views and len(every) <= _PHOTOS_FOR_VIEWS and known.any():
        views, plain = _with_views(problem, folds, strengths, plain, known, tell)
    return HeldOut(plain, folds, strengths, known, views)


def _told(value: float, tell: Tell) -> float:
    tell()
    return value


def _logits(
    problem: Problem, folds: Numbers, strengths: tuple[float, ...], views: tuple[str, ...], tell: Tell
) -> Logits:
    found = np.full((len(folds), problem.classes), ABSENT)
    for fold, each in enumerate(strengths):
        within = folds == fold
        if within.any() and not within.all():
            head = fit(problem, np.flatnonzero(~within), each, views)
            found[within] = head.logits(problem.vectors[within])
        tell()
    return found


def _with_views(
    problem: Problem, folds: Numbers, strengths: tuple[float, ...], plain: Logits, known: np.ndarray, tell: Tell
) -> tuple[tuple[str, ...], Logits]:
    """Return the views that surely help, and what is said with them: one by one, each beside those that did.

    What they bring must be beyond chance, so that choosing them flatters the accuracy by next to nothing.
    """
    targets = problem.targets[known]
    chosen: tuple[str, ...] = ()
    best = plain
    for view in problem.views:
        tried = _logits(problem, folds, strengths, (*chosen, view), tell)
        before, after = (surprise(each[known], targets, temperature(each[known], targets)) for each in (best, tried))
        gain = before - after
        # photos of one scene are no independent witnesses
        _, scene = np.unique(problem.groups[known], return_inverse=True)
        of_scenes = np.bincount(scene, weights=gain) / np.bincount(scene)
        error = of_scenes.std() / np.sqrt(len(of_scenes))
        if of_scenes.mean() > _CERTAIN * error:
            chosen, best = (*chosen, view), tried
    return chosen, best
