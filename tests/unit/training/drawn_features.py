"""Features as a network might give them, drawn: a class is a direction, a photo lies around it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightserve.training.dataset import Example
from sightserve.training.features import Features
from sightserve.training.learn import Learned, learn

SIZE = 64


class Silent:
    """Whom nothing is told."""

    def step(self, words: str, done: int = 0, of: int = 0) -> None:
        assert done <= of

    def note(self, words: str) -> None:
        pass


def features(
    labels: Sequence[str],
    *,
    apart: float = 1.5,
    scenes: NDArray[np.int64] | None = None,
    true: Sequence[str] | None = None,
    seed: int = 0,
    size: int = SIZE,
) -> Features:
    """Return a photo for each label; `true` is what it shows where its label is another, `apart` how far classes are."""
    random = np.random.default_rng(seed)
    shown = list(true or labels)
    names = sorted(set(shown))
    centres = random.normal(size=(len(names), size)) * apart / np.sqrt(2)
    of_photo = centres[[names.index(each) for each in shown]]
    noise = random.normal(size=(len(shown), size))
    if scenes is not None:  # photos of one scene differ by next to nothing
        noise = random.normal(size=(int(scenes.max()) + 1, size))[scenes] + noise / 100
    vectors = (of_photo * 2 / np.sqrt(size) + noise).astype(np.float32)
    return of_vectors(vectors, labels)


def of_vectors(vectors: NDArray[np.float32], labels: Sequence[str], **views: NDArray[np.float32]) -> Features:
    examples = tuple(Example(Path(f"{at}.jpg"), label, f"{label}/{at}.jpg") for at, label in enumerate(labels))
    return Features(examples, vectors, np.zeros(len(labels), np.uint64), ("",) * len(labels), views=views)


def learned(
    found: Features,
    groups: NDArray[np.int64] | None = None,
    *,
    none_of_these: bool = False,
    known: NDArray[np.float32] | None = None,
) -> Learned:
    labels = tuple(sorted({example.label for example in found.examples}))
    groups = np.arange(len(found.examples)) if groups is None else groups
    return learn(found, groups, labels, none_of_these=none_of_these, listener=Silent(), known=known)
