"""groups of near-duplicates -> [which photos are held out together] -> evaluate, curve."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def deal(targets: Numbers, groups: Numbers, folds: int, seed: int) -> Numbers:
    """Return each photo's fold: a group is in one of them, and each class in as many as it can.

    Unlike scikit-learn's StratifiedGroupKFold it takes classes with fewer groups than folds, and 100,000 photos in a second.

    Args:
        targets: classes, (photos,).
        groups: of near-duplicates, (photos,).
        folds: how many, 2 or more.
        seed: of the order in which groups of one size are dealt.
    """
    _, first, members, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    classes = targets[first]  # of a group; of twins in two classes one counts
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.lexsort((-sizes[order], classes[order]))]
    dealt = np.empty(len(sizes), dtype=np.int64)
    total = np.zeros(folds)
    held = np.zeros(folds)
    last = -1
    for group in order:
        if classes[group] != last:
            last, held = int(classes[group]), np.zeros(folds)
        fold = int(np.lexsort((total, held))[0])
        dealt[group] = fold
        held[fold] += sizes[group]
        total[fold] += sizes[group]
    found: Numbers = dealt[members]
    return found


def scenes(targets: Numbers, groups: Numbers, classes: int) -> Numbers:
    """Return how many groups each class has photos in, (classes,)."""
    pairs = np.unique(np.stack([targets, groups]), axis=1)
    return np.bincount(pairs[0], minlength=classes)


def parted(targets: Numbers, groups: Numbers, classes: int) -> tuple[Numbers, Numbers]:
    """Return groups to hold out, and the classes all photos of which are one scene.

    There a scene is parted into its photos: else such a class would be held out whole, and never be known.
    """
    alone = np.flatnonzero(scenes(targets, groups, classes) == 1)
    within = np.isin(targets, alone)
    _, dense = np.unique(groups, return_inverse=True)
    found = dense.astype(np.int64)
    found[within] = found.max() + 1 + np.arange(int(within.sum()))
    return found, alone


def some_of_each(targets: Numbers, rows: Numbers, most: int, classes: int, seed: int) -> Numbers:
    """Return at most so many of these photos, the same number of each class where it has as many, in their order."""
    if len(rows) <= most:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows)
    of_class = targets[shuffled]
    order = np.argsort(of_class, kind="stable")
    counts = np.bincount(of_class, minlength=classes)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(rows), dtype=np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(starts, counts)
    each = np.sort(counts[counts > 0])
    # the largest number of each that fits: small classes leave their share to others
    low, high = 1, int(each[-1])
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(each, middle).sum() <= max(most, len(each)) else (low, middle - 1)
    return np.sort(shuffled[rank < low])
