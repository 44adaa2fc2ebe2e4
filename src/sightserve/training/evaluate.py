"""head -> [what heads say of photos that they have not seen] -> learn.

Each photo is held out once, with all that look like it. How strongly a head is regularised is chosen without the photos that it
is measured on, by holding out some of the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.training.calibrate import Logits, surprise, temperature
from sightserve.training.folds import Numbers, deal
from sightserve.training.head import ABSENT, How, Problem, fit, path

FOLDS: Final = 5
_INNER: Final = 3
_STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # scikit-learn's C, of rows whose length is about 1
_FOR_CHOICE: Final = 0.05  # share of the photos that a fit otherwise takes
_PHOTOS_FOR_VIEWS: Final = 5000  # with more, seeing each otherwise too brings nothing that is worth the time
_CERTAIN: Final = 2.0  # standard errors

Tell = Callable[[], None]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What was said of each photo by a head that had not seen it.

    Attributes:
        logits: (photos, classes), each divided by the temperature of its head.
        folds: in which each photo was held out, (photos,).
        ways: in which the heads were fitted, by fold.
        known: whether the head knew the photo's class at all, (photos,).
        views: that were learned from as well.
    """

    logits: Logits
    folds: Numbers
    ways: tuple[How, ...]
    known: NDArray[np.bool_]
    views: tuple[str, ...] = ()


def choose(problem: Problem, of: Numbers) -> How:
    """Return how to fit these photos: whatever surprises least on some of them, held out.

    A temperature is fitted first: what it mends needs no regularisation.
    """
    few = problem.some(of, _FOR_CHOICE) if problem.is_large else of
    share = _FOR_CHOICE if problem.is_large else 1.0
    folds = deal(problem.targets[few], problem.groups[few], _INNER, problem.seed + 1)
    ways = [How(strength, space) for space in range(len(problem.spaces)) for strength in _STRENGTHS]
    logits = np.full((len(ways), len(few), problem.classes), ABSENT)
    for fold in range(_INNER):
        within = folds == fold
        if within.all() or not within.any():
            continue
        heads = [
            head
            for space in range(len(problem.spaces))
            for head in path(problem, few[~within], _STRENGTHS, space, share=share)
        ]
        for at, head in enumerate(heads):
            logits[at, within] = head.logits(problem.vectors[few[within]])
    targets = problem.targets[few]
    seen = logits[0, np.arange(len(few)), targets] > ABSENT / 2
    if not seen.any():
        return How(1.0)
    right = targets[seen]
    temperatures = [temperature(each, right) for each in logits[:, seen]]
    found = [
        float(surprise(each, right, heat, 1 / (len(right) + 2)).mean())
        for each, heat in zip(logits[:, seen], temperatures, strict=True)
    ]
    best = int(np.argmin(found))
    return ways[best]._replace(temperature=temperatures[best])


def held_out(problem: Problem, tell: Tell) -> HeldOut:
    """Return what is said of each photo unseen, with those views that help."""
    every = np.arange(len(problem.targets))
    folds = deal(problem.targets, problem.groups, FOLDS, problem.seed)
    ways: list[How] = []
    for fold in range(FOLDS):
        if problem.is_large:
            ways.append(ways[0] if ways else choose(problem, every))
        else:
            ways.append(choose(problem, every[folds != fold]))
        tell()
    plain = _logits(problem, folds, ways, (), tell)
    known: NDArray[np.bool_] = plain[every, problem.targets] > ABSENT / 2
    views: tuple[str, ...] = ()
    if problem.views and len(every) <= _PHOTOS_FOR_VIEWS and known.any():
        views, plain = _with_views(problem, folds, ways, plain, known, tell)
    return HeldOut(plain, folds, tuple(ways), known, views)


def _logits(problem: Problem, folds: Numbers, ways: Sequence[How], views: tuple[str, ...], tell: Tell) -> Logits:
    found = np.full((len(folds), problem.classes), ABSENT)
    for fold, each in enumerate(ways):
        within = folds == fold
        if within.any() and not within.all():
            head = fit(problem, np.flatnonzero(~within), each, views)
            logits = head.logits(problem.vectors[within])
            # those of heads that were fitted more or less strongly are compared: each by its own scale
            found[within] = np.where(logits <= ABSENT / 2, ABSENT, logits / each.temperature)
        tell()
    return found


def _with_views(
    problem: Problem, folds: Numbers, ways: Sequence[How], plain: Logits, known: NDArray[np.bool_], tell: Tell
) -> tuple[tuple[str, ...], Logits]:
    """Return the views that surely help, and what is said with them: one by one, each beside those that did.

    What they bring must be beyond chance, so that choosing them flatters the accuracy by next to nothing.
    """
    targets = problem.targets[known]
    chosen: tuple[str, ...] = ()
    best = plain
    for view in problem.views:
        tried = _logits(problem, folds, ways, (*chosen, view), tell)
        before, after = (surprise(each[known], targets, temperature(each[known], targets)) for each in (best, tried))
        gain = before - after
        # photos of one scene are no independent witnesses
        _, scene = np.unique(problem.groups[known], return_inverse=True)
        of_scenes = np.bincount(scene, weights=gain) / np.bincount(scene)
        error = of_scenes.std() / np.sqrt(len(of_scenes))
        if of_scenes.mean() > _CERTAIN * error:
            chosen, best = (*chosen, view), tried
    return chosen, best
