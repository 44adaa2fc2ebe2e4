"""write -> [the source's own pipeline against the bundle's, on photos] -> kept, or refused before anybody relies on it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightserve.models.errors import NotVerified
from sightserve.models.photos import Photo
from sightserve.models.reference import probabilities
from sightserve.models.served import Served
from sightserve.models.source import Outputs

AGREEMENT: Final = 0.99  # of first classes, below which nothing is written
_TOGETHER: Final = 4
_TOLERANCE: Final = 2e-3  # of a probability: what running together may change
_ALIKE: Final = 1e-4
_MOST_NAMED: Final = 5
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Verification:
    """What photos said of a bundle.

    Attributes:
        photos: how many.
        same_first: share of them with the same first class from the source's own pipeline and from the bundle.
        largest_difference: of any class's probability.
        differing: sentences about photos with another first class.
        warnings: sentences.
        rows: the bundle's probabilities, (photos, classes).
    """

    photos: int
    same_first: float
    largest_difference: float
    differing: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: Rows


def originals(photos: Sequence[Photo], original: Callable[[Image.Image], Rows], outputs: Outputs) -> Rows:
    """Return what the source's own pipeline says of photos, (photos, classes)."""
    return np.stack([probabilities(original(photo.image()), outputs) for photo in photos])


def verify(served: Served, photos: Sequence[Photo], expected: Rows, names: Sequence[str]) -> Verification:
    """Compare a bundle with what its source's own pipeline says.

    Args:
        served: the bundle.
        photos: any.
        expected: probabilities by the source's own pipeline, (photos, classes).
        names: of the classes.

    Raises:
        NotVerified: the bundle gives no probabilities for a photo, or something else when photos run together.
    """
    contents = [photo.path.read_bytes() for photo in photos]
    rows = np.stack([served(content) for content in contents])
    _same_together(served, contents[:_TOGETHER], rows[:_TOGETHER])
    ours, theirs = rows.argmax(axis=1), expected.argmax(axis=1)
    differing = [
        f"{photo.name}: {names[theirs[at]]} {expected[at].max():.3f} by its own pipeline, "
        f"{names[ours[at]]} {rows[at].max():.3f} here"
        for at, photo in enumerate(photos)
        if ours[at] != theirs[at]
    ]
    same = 1 - len(differing) / len(photos)
    difference = float(np.abs(rows - expected).max())
    return Verification(
        len(photos), same, difference, tuple(differing[:_MOST_NAMED]), tuple(_warnings(rows, names)), rows
    )


def require(found: Verification) -> None:
    """Raise NotVerified where the bundle and its source agree on too few photos."""
    if found.same_first < AGREEMENT:
        raise NotVerified(
            f"the bundle and the source's own pipeline name the same first class for only {found.same_first:.1%} of "
            f"{found.photos} photos ({AGREEMENT:.0%} are asked for): {'; '.join(found.differing)}. "
            "How photos are prepared is most often why: compare the table above with how the network was trained. "
            "--force adds it nevertheless"
        )


def _same_together(served: Served, contents: Sequence[bytes], single: Rows) -> None:
    difference = np.abs(served.together(contents) - single).max()
    if difference > _TOLERANCE:
        raise NotVerified(
            f"the network answers otherwise when photos run together (by {difference:.2g}): one photo influences another. "
            "Softmax over the wrong axis, or normalisation over the batch (export it in eval mode), are the usual reasons"
        )


def _warnings(rows: Rows, names: Sequence[str]) -> Iterator[str]:
    if len(rows) > 1 and np.abs(rows - rows[0]).max() < _ALIKE:
        yield "it says the same of every photo, to the fourth digit: its weights, or how photos are scaled, are wrong"
    elif len(rows) >= len(names) * 2 and len(set(rows.argmax(axis=1).tolist())) == 1:
        yield f"it says {names[int(rows[0].argmax())]} of all {len(rows)} photos: look whether that can be"


def classes_of(photos: Sequence[Photo], names: Sequence[str]) -> tuple[list[int | None], list[str]]:
    """Return the class of each photo where that is known, and what is to be said of the others."""
    labelled = [photo for photo in photos if photo.label is not None]
    found = [None if photo.label is None else class_of(photo.label, names) for photo in photos]
    strangers = sorted(
        {photo.label or "" for photo, each in zip(photos, found, strict=True) if photo.label and each is None}
    )
    if not strangers:
        return found, []
    listed = ", ".join(strangers[:_MOST_NAMED]) + (", ..." if len(strangers) > _MOST_NAMED else "")
    if 2 * sum(each is not None for each in found) < len(labelled):  # one that fits by chance says nothing
        return [None] * len(photos), [
            f"the folders of --photos are not the model's labels ({listed}): they prove no accuracy"
        ]
    return found, [f"folders of --photos that are no label of the model: {listed}"]


def class_of(label: str, names: Sequence[str]) -> int | None:
    """Return the class that somebody's word for it means: its name, however it is written, or its index."""

    def plain(word: str) -> str:
        return " ".join(word.casefold().replace("_", " ").replace("-", " ").split())

    if label in names:
        return names.index(label)
    matching = [index for index, name in enumerate(names) if plain(name) == plain(label)]
    if len(matching) == 1:
        return matching[0]
    return int(label) if label.isdecimal() and int(label) < len(names) else None


@dataclass(frozen=True, slots=True)
class Judged:
    """How often a bundle is right on photos whose label somebody knows.

    Attributes:
        photos: how many.
        right: share whose first class is the label.
        among_five: share with the label among the first five.
        confused: the commonest mistakes: what it is, what the bundle says, how often.
        hint: where another order of the labels would be right more often.
    """

    photos: int
    right: float
    among_five: float
    confused: tuple[tuple[str, str, int], ...]
    hint: str | None


def judge(rows: Rows, classes: Sequence[int | None], names: Sequence[str]) -> Judged | None:
    """Return how often the first class is the known one; None where none is known.

    Args:
        rows: probabilities, (photos, classes).
        classes: of each photo, where that is known.
        names: of the classes, in the bundle's order.
    """
    known = [at for at, each in enumerate(classes) if each is not None]
    if not known:
        return None
    truth = np.array([classes[at] for at in known])
    order = np.argsort(-rows[known], axis=1, kind="stable")
    firsts = order[:, 0]
    right = float((firsts == truth).mean())
    five = float((order[:, :5] == truth[:, None]).any(axis=1).mean())
    pairs = Counter((names[is_], names[says]) for is_, says in zip(truth, firsts, strict=True) if is_ != says)
    confused = tuple((one, other, count) for (one, other), count in pairs.most_common(_MOST_NAMED))
    return Judged(len(known), right, five, confused, _better_order(firsts, truth, right, names))


def _natural(word: str) -> list[tuple[int, int, str]]:
    import re

    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", word) if part]


def _better_order(firsts: NDArray[np.intp], truth: NDArray[np.intp], right: float, names: Sequence[str]) -> str | None:
    """Return a sentence where the same columns under labels in another order would be right more often."""
    orders = {
        "sorted as words, as torchvision and Keras sort folders (1, 10, 2)": sorted(names),
        "sorted as people count (1, 2, 10)": sorted(names, key=_natural),
        "from the last to the first": list(reversed(names)),
        "one further, after a background class": [names[-1], *names[:-1]],
        "one less, without a background class": [*names[1:], names[0]],
    }
    best, why = right, None
    for words, order in orders.items():
        index_of = {name: at for at, name in enumerate(names)}
        moved = np.array([index_of[name] for name in order])
        share = float((moved[firsts] == truth).mean())
        if share > best + max(0.1, 2 / len(truth)):
            best, why = share, words
    return (
        why
        and f"the labels seem to be in another order: {why}, {best:.0%} of the photos would be right instead of {right:.0%}"
    )
