"""features -> [which photos are of one scene: copies, crops and bursts, though their files differ] -> folds, report.

Two photos are, where both the hash of brightness and the network say so. How alike they must be depends on the photos: where
a camera stands still, all are alike, and those with different labels, which are no copies of each other, show it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightserve.training.features import Features

Groups = NDArray[np.int64]
_Places = NDArray[np.int64]

# Bits of the hash that may differ, and the least cosine of the features. Measured on photos and their variants: crops of 3 %
# a side and turns by 2 degrees differ in up to 12 bits, with 0.89 and more; other photos in 12 and more, with 0.5 and less.
_LEVELS: Final = ((12, 0.85), (8, 0.92), (4, 0.96), (1, 0.99))
_WITH_OTHER_LABELS: Final = 1  # the loosest level for photos that people call differently
_ALIKE_BY_CHANCE: Final = 0.02  # share of pairs with different labels, at most
_PAIRS: Final = 20_000  # of them, that are looked at
# A plain picture's hash has few bits, and is that of every other: of such, only the network's word counts.
_PLAIN: Final = 8
_PLAIN_COSINE: Final = 0.99
# Photos are compared that agree in all of some bits of their hashes, chosen at random, again and again (Indyk and Motwani,
# "Approximate nearest neighbors", 1998): of those 12 bits apart nine in ten meet, of those 8 bits apart all.
_TABLES: Final = 64
_BITS: Final = 16
_NEIGHBOURS: Final = 8  # that one is compared with in each table, of all that agree
_TOGETHER: Final = 8_192  # pairs whose cosines are computed at once


def groups(features: Features) -> Groups:
    """Return for each photo the number of its group, (N,): photos of one scene have the same; they count from 0, in order."""
    count = len(features.examples)
    union = _Union(count)
    first: dict[str, int] = {}
    for place, digest in enumerate(features.digests):
        union.join(first.setdefault(digest, place), place)
    if count > 1:
        norms = np.sqrt(np.einsum("ij,ij->i", features.vectors, features.vectors))
        alike = _Alike(features, norms)
        candidates = _candidates(features.hashes, _LEVELS[0][0])
        for at in range(0, len(candidates), _TOGETHER):
            some = candidates[at : at + _TOGETHER]
            for left, right in some[alike(some)].tolist():
                union.join(left, right)
    return union.numbers()


def twins(features: Features, groups: Groups) -> list[_Places]:
    """Return the places of the photos of each group whose members have different labels, the smallest groups first."""
    names = {label: number for number, label in enumerate(sorted({example.label for example in features.examples}))}
    labels = np.array([names[example.label] for example in features.examples], dtype=np.int64)
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    found = [part for part in parts if len(part) > 1 and np.ptp(labels[part])]
    return sorted(found, key=len)


class _Union:
    """Disjoint sets (Galler and Fischer, 1964)."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def _root(self, place: int) -> int:
        parents = self._parents
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    def join(self, left: int, right: int) -> None:
        left, right = sorted((self._root(left), self._root(right)))
        self._parents[right] = left

    def numbers(self) -> Groups:
        roots = np.array([self._root(place) for place in range(len(self._parents))], dtype=np.int64)
        return np.unique(roots, return_inverse=True)[1].reshape(-1).astype(np.int64)


class _Alike:
    """Says of pairs of photos, (pairs, 2), which are of one scene."""

    def __init__(self, features: Features, norms: NDArray[np.float32]) -> None:
        self._vectors, self._hashes, self._norms = features.vectors, features.hashes, norms
        names = {label: number for number, label in enumerate(sorted({each.label for each in features.examples}))}
        self._labels = np.array([names[example.label] for example in features.examples], dtype=np.int64)
        bits = np.bitwise_count(features.hashes)
        self._is_plain = (bits < _PLAIN) | (bits > 64 - _PLAIN)
        self._level = self._calibrated()

    def __call__(self, pairs: _Places) -> NDArray[np.bool_]:
        left, right = pairs.T
        distances, cosines = self._compare(pairs)
        same = self._labels[left] == self._labels[right]
        plain = self._is_plain[left] | self._is_plain[right]
        found = np.where(
            same,
            _within(distances, cosines, self._level),
            _within(distances, cosines, max(self._level, _WITH_OTHER_LABELS)),
        )
        alike: NDArray[np.bool_] = found & (~plain | (cosines >= _PLAIN_COSINE))
        return alike

    def _compare(self, pairs: _Places) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        left, right = pairs.T
        products = np.einsum("ij,ij->i", self._vectors[left], self._vectors[right])
        norms = self._norms[left] * self._norms[right]
        cosines = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
        return np.bitwise_count(self._hashes[left] ^ self._hashes[right]), cosines

    def _calibrated(self) -> int:
        """Return the loosest level at which photos that people call differently are hardly ever alike."""
        random = np.random.default_rng(0)
        pairs = random.integers(0, len(self._labels), (_PAIRS, 2))
        pairs = pairs[self._labels[pairs[:, 0]] != self._labels[pairs[:, 1]]]
        if not len(pairs):
            return 0
        told = [self._compare(pairs[at : at + _TOGETHER]) for at in range(0, len(pairs), _TOGETHER)]
        distances, cosines = (np.concatenate(each) for each in zip(*told, strict=True))
        for level in range(len(_LEVELS)):
            if _within(distances, cosines, level).mean() <= _ALIKE_BY_CHANCE:
                return level
        return len(_LEVELS)


def _within(distances: NDArray[np.uint8], cosines: NDArray[np.float32], level: int) -> NDArray[np.bool_]:
    if level == len(_LEVELS):
        return np.zeros(len(distances), dtype=np.bool_)
    most, least = _LEVELS[level]
    return (distances <= most) & (cosines >= least)


def _candidates(hashes: NDArray[np.uint64], most: int) -> _Places:
    """Return pairs of places, (pairs, 2), whose hashes differ in few bits; not quite all, and each once."""
    random = np.random.default_rng(0)
    count = len(hashes)
    known = np.empty(0, dtype=np.int64)
    for _ in range(_TABLES):
        mask = np.bitwise_or.reduce(np.uint64(1) << random.choice(64, _BITS, replace=False).astype(np.uint64))
        keys = hashes & mask
        order = np.lexsort((hashes, keys))
        found = []
        for step in range(1, min(_NEIGHBOURS, count - 1) + 1):
            left, right = order[:-step], order[step:]
            near = (keys[left] == keys[right]) & (np.bitwise_count(hashes[left] ^ hashes[right]) <= most)
            left, right = left[near], right[near]
            found.append(np.minimum(left, right) * count + np.maximum(left, right))
        known = _each_once(np.concatenate([known, *found]))
    return np.stack(np.divmod(known, count), axis=1)


def _each_once(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers.sort()  # ten times as fast as np.unique, which hashes
    return numbers[np.diff(numbers, prepend=-1) > 0]
