"""What photos say of a bundle before it is written: agreement, batches, labels, and their order."""

from pathlib import Path

import numpy as np
import pytest

from sightserve.models.errors import NotVerified
from sightserve.models.photos import Photo
from sightserve.models.verify import Verification, class_of, classes_of, judge, require


def test_a_label_is_known_however_it_is_written() -> None:
    names = ("Granny Smith", "red_delicious", "7", "apple")

    assert [class_of(word, names) for word in ("granny smith", "Red Delicious", "7", "3", "pear", "9")] == [
        0,
        1,
        2,
        3,
        None,
        None,
    ]


def test_folders_that_are_no_labels_of_the_model_prove_nothing() -> None:
    photos = [Photo(Path(f"{name}/1.jpg"), name) for name in ("dog", "house", "tree", "1")]

    # "1" is an index of the model by chance: three of four are none
    classes, notes = classes_of(photos, ("ripe", "rotten"))

    assert classes == [None] * 4
    assert "dog, house, tree" in notes[0]


def rows(firsts: list[int], classes: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return probabilities whose first classes are these."""
    found = np.full((len(firsts), classes), 0.5 / (classes - 1), dtype=np.float32)
    found[np.arange(len(firsts)), firsts] = 0.5
    return found


def test_labelled_photos_tell_accuracy_and_the_commonest_mistakes() -> None:
    judged = judge(rows([0, 0, 1, 1, 2], 7), [0, 0, 0, 0, 2], tuple("abcdefg"))

    assert judged is not None
    assert (judged.photos, judged.right, judged.confused, judged.hint) == (5, 0.6, (("a", "b", 2),), None)
    assert judge(rows([0], 2), [None], ("a", "b")) is None


@pytest.mark.parametrize(
    ("trained", "given", "words"),
    [
        # a folder's names as torchvision sorts them, and a list as people count
        (["1", "10", "11", "2", "3"], ["1", "2", "3", "10", "11"], "sorted as words"),
        (["1", "2", "3", "10", "11"], ["1", "10", "11", "2", "3"], "sorted as people count"),
        (["e", "d", "c", "b", "a"], ["a", "b", "c", "d", "e"], "last to the first"),
        (["e", "a", "b", "c", "d"], ["a", "b", "c", "d", "e"], "after a background class"),
    ],
)
def test_another_order_of_the_labels_that_fits_better_is_pointed_out(
    trained: list[str], given: list[str], words: str
) -> None:
    shown = [name for name in given for _ in range(6)]
    columns = [
        trained.index(name) for name in shown
    ]  # a network that is always right, in the order that it was trained in

    judged = judge(rows(columns, 5), [given.index(name) for name in shown], tuple(given))

    assert judged is not None
    assert judged.right < 0.5
    assert judged.hint is not None
    assert words in judged.hint
    assert "100% of the photos" in judged.hint


def test_a_bundle_that_agrees_too_seldom_is_refused_with_the_photos() -> None:
    found = Verification(100, 0.98, 0.4, ("a.jpg: cat 0.510 by its own pipeline, dog 0.620 here",), (), rows([0], 2))

    with pytest.raises(NotVerified, match=r"only 98\.0% of 100 photos .*a\.jpg: cat 0\.510.*--force"):
        require(found)
