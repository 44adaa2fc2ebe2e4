"""features -> [a linear head: multinomial logistic regression, regularised] -> evaluate, and in the end the graph.

Features are centred, brought to like spreads and turned to as few axes as they span; the head is turned back at the end, so
that the graph needs none of this. L2 knows no direction: with fewer photos than features nothing is lost by the turn.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightserve.training.folds import Numbers, some_of_each

Vectors = NDArray[np.float32]
Rows = NDArray[np.float64]

ABSENT: Final = -1e4  # logit of a class that a head has not seen
_WORK: Final = 200_000_000  # photos x axes x classes of a fit: some seconds on a core
_LARGE: Final = 5_000_000  # the same, of all photos
_LEAST_OF_CLASS: Final = 10  # photos, however many classes there are
_AXES_OF_MANY: Final = 256  # features are turned to so many where there are very many classes
_MANY: Final = 100  # classes
_ITERATIONS: Final = 60
_BLOCK: Final = 8192  # photos that are worked on at once
_FOR_AXES: Final = 20_000  # photos


@dataclass(frozen=True, slots=True)
class Head:
    """Weights, (classes, features), and biases of the features as the network gives them."""

    weights: Rows
    bias: Rows

    def logits(self, vectors: Vectors) -> Rows:
        """Return (photos, classes)."""
        weights = self.weights.astype(np.float32).T
        found = np.empty((len(vectors), len(self.bias)))
        for at in range(0, len(vectors), _BLOCK):
            found[at : at + _BLOCK] = vectors[at : at + _BLOCK] @ weights
        found += self.bias
        return found


@dataclass(slots=True)
class Space:
    """How features are scaled and turned before a head is fitted."""

    mean: Rows
    scale: Rows
    axes: Rows | None

    def of(self, vectors: Vectors) -> Rows:
        """Return features in this space, (photos, axes)."""
        scaled = (vectors - self.mean) / self.scale
        return scaled if self.axes is None else scaled @ self.axes

    def back(self, weights: Rows, bias: Rows) -> Head:
        """Return a head of this space as one of the network's features."""
        unturned = weights if self.axes is None else weights @ self.axes.T
        unscaled = unturned / self.scale
        return Head(unscaled, bias - unscaled @ self.mean)


def _space(vectors: Vectors, views: Sequence[Vectors], classes: int, known: Vectors | None = None) -> Space:
    """Return the space for these photos.

    Args:
        vectors: features of the photos.
        views: of the same photos, seen otherwise.
        classes: how many there are.
        known: weights of the network's own last layer. In their space, what moves many of its classes at once is longer: what
            sets dogs apart from birds, rather than one dog from another.
    """
    features = vectors.shape[1]
    few = vectors[:: max(1, len(vectors) // _FOR_AXES)]
    mean = few.mean(axis=0, dtype=np.float64)
    spread = few.std(axis=0, dtype=np.float64)
    # halfway to unit spread: a feature that hardly ever moves here must not decide alone where it moves elsewhere
    scale = spread + (spread.mean() or 1.0)
    space = Space(mean, scale, None)
    rows = space.of(few)
    length = _length(rows)
    space.scale, rows = scale * length, rows / length
    if known is not None:
        centred = known - known.mean(axis=0, dtype=np.float64)
        own = space.scale[:, None] * (centred.T @ centred)
        own /= _length(rows @ own)
        space.axes = np.linalg.cholesky((np.eye(features) + own @ own.T) / 2)
        rows = rows @ space.axes
    turn = None
    if classes > _MANY and features > _AXES_OF_MANY:
        _, axes = np.linalg.eigh(rows.T @ rows)
        turn = axes[:, ::-1][:, :_AXES_OF_MANY]
    elif len(vectors) + sum(map(len, views)) < features:
        turn = np.linalg.qr(np.concatenate([rows, *map(space.of, views)]).T)[0]
    if turn is not None:
        space.axes = np.ascontiguousarray(turn if space.axes is None else space.axes @ turn)
    return space


def _length(rows: Rows) -> float:
    return float(np.sqrt(np.square(rows).sum(axis=1).mean())) or 1.0


class How(NamedTuple):
    """In which way a head is fitted.

    Attributes:
        strength: how far it may go to get each photo right: scikit-learn's C.
        space: number of the problem's space.
        temperature: that logits of such a head are divided by, as far as is known when it is chosen.
    """

    strength: float
    space: int = 0
    temperature: float = 1.0


@dataclass(slots=True)
class Problem:
    """What heads are fitted to.

    Attributes:
        vectors: features of the photos, (photos, features).
        views: of the same photos seen otherwise.
        targets: classes, (photos,).
        groups: that are held out together, (photos,).
        classes: how many.
        seed: of all that is drawn.
        known: weights of the network's own last layer, where they are known.
        spaces: the plain one; and for few photos one that knows of the network's own classes.
    """

    vectors: Vectors
    views: Mapping[str, Vectors]
    targets: Numbers
    groups: Numbers
    classes: int
    seed: int = 0
    known: Vectors | None = None
    spaces: tuple[Space, ...] = field(init=False)
    _turned: dict[tuple[int, str], Rows] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find the spaces, and bring to them what is small."""
        views = list(self.views.values())
        self.spaces = (_space(self.vectors, views, self.classes),)
        if self.known is not None and len(self.targets) <= _FOR_AXES:
            self.spaces += (_space(self.vectors, views, self.classes, self.known),)
        if len(self.vectors) <= _BLOCK:
            every = {"": self.vectors, **self.views}
            self._turned = {
                (at, name): space.of(each) for at, space in enumerate(self.spaces) for name, each in every.items()
            }

    @property
    def axes(self) -> int:
        """How many numbers a photo is."""
        turn = self.spaces[0].axes
        return int(self.vectors.shape[1] if turn is None else turn.shape[1])

    @property
    def work(self) -> int:
        """Of a fit to all photos."""
        return len(self.targets) * self.axes * self.classes

    @property
    def is_large(self) -> bool:
        """Whether a choice is made once, on some of the photos, rather than for each fold: it flatters by nothing then."""
        return self.work > _LARGE

    def rows(self, of: Numbers, space: int, views: Sequence[str] = ()) -> tuple[Rows, Numbers]:
        """Return photos in a space, and their classes; views of them follow."""
        parts = []
        for name in ("", *views):
            if self._turned:
                parts.append(self._turned[space, name][of])
            else:
                parts.append(self.spaces[space].of((self.views[name] if name else self.vectors)[of]))
        return np.concatenate(parts), np.tile(self.targets[of], len(parts))

    def some(self, of: Numbers, share: float = 1.0) -> Numbers:
        """Return as many of these photos as a fit takes in a bounded time."""
        most = max(
            int(share * _WORK) // (self.axes * self.classes), int(max(share, 0.4) * _LEAST_OF_CLASS) * self.classes
        )
        return some_of_each(self.targets, of, most, self.classes, self.seed)


def fit(problem: Problem, of: Numbers, how: How, views: Sequence[str] = (), share: float = 1.0) -> Head:
    """Return the head that these photos teach.

    Args:
        problem: what there is.
        of: the photos.
        how: see there.
        views: that are learned from as well.
        share: of the photos that a fit otherwise takes.
    """
    return path(problem, of, (how.strength,), how.space, views, share)[0]


def path(
    problem: Problem,
    of: Numbers,
    strengths: Sequence[float],
    space: int = 0,
    views: Sequence[str] = (),
    share: float = 1.0,
) -> list[Head]:
    """Return a head for each strength; each begins where the one before it ended."""
    from sklearn.linear_model import LogisticRegression

    rows, targets = problem.rows(problem.some(of, share), space, views)
    known = np.unique(targets)
    if len(known) == 1:  # of two classes, one is held out whole
        bias = np.full(problem.classes, ABSENT)
        bias[known] = 0
        return [Head(np.zeros((problem.classes, problem.vectors.shape[1])), bias)] * len(strengths)
    model: Any = LogisticRegression(
        class_weight="balanced", warm_start=True, max_iter=_ITERATIONS, tol=1e-3 / problem.classes
    )
    heads = []
    for strength in strengths:
        with warnings.catch_warnings():
            # near enough, and what it is worth is measured; and one or two photos a class are no regression
            warnings.simplefilter("ignore", UserWarning)
            model.set_params(C=strength).fit(rows, targets)
        weights, bias = model.coef_, model.intercept_
        if len(known) == 2:  # noqa: PLR2004 - scikit-learn gives one row for two classes
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        every = np.zeros((problem.classes, weights.shape[1]))
        offsets = np.full(problem.classes, ABSENT)
        every[known], offsets[known] = weights, bias - bias.mean()
        back = problem.spaces[space].back(every, np.zeros(problem.classes))
        heads.append(Head(back.weights, np.where(offsets == ABSENT, ABSENT, back.bias + offsets)))
    return heads
