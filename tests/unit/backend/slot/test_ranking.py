"""Probabilities to ranked labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sightserve.backend.errors import ModelOutputError
from sightserve.backend.slot.ranking import top_k

LABELS = tuple("abcdefgh")


def test_the_most_probable_class_comes_first():
    probabilities = np.array([0.1, 0.2, 0.7], dtype=np.float32)

    ranked = top_k(probabilities, ("cat", "dog", "fox"), k=2)

    assert [(entry.index, entry.label) for entry in ranked] == [(2, "fox"), (1, "dog")]
    assert ranked[0].probability == pytest.approx(0.7)


def test_ties_go_to_the_lower_index():
    probabilities = np.full(8, 0.125, dtype=np.float32)

    assert [entry.index for entry in top_k(probabilities, LABELS, k=3)] == [0, 1, 2]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -0.1, 1.1])
def test_a_value_that_is_no_probability_is_refused(bad):
    """A broken model is an error with a name, never a confident answer."""
    probabilities = np.array([0.2, bad], dtype=np.float32)

    with pytest.raises(ModelOutputError, match="no probability"):
        top_k(probabilities, ("cat", "dog"), k=1)


def test_a_sum_rounded_above_one_is_still_reported_as_one():
    ranked = top_k(np.array([1.0000001, 0], dtype=np.float32), ("cat", "dog"), k=1)

    assert ranked[0].probability == 1.0


@given(arrays(np.float32, 8, elements=st.floats(0, 1, width=32)), st.integers(1, 8))
def test_it_agrees_with_a_full_stable_sort(probabilities, k):
    expected = sorted(range(8), key=lambda i: (-probabilities[i], i))[:k]

    assert [entry.index for entry in top_k(probabilities, LABELS, k)] == expected
