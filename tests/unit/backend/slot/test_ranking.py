"""Probabilities to ranked labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sightserve.backend.errors import ModelOutputError
from sightserve.backend.slot.ranking import standout, top_k

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


def test_what_comes_first_by_chance_stands_out_less_than_what_is_recognised():
    """One of a thousand random logits is the first, three standard deviations above their mean, and may be probable too."""
    random = np.random.default_rng(3).normal(0, 3, 1000)
    known = np.append(np.random.default_rng(3).normal(0, 1, 999), 12.0)

    by_chance, recognised = (standout(softmax(logits)) for logits in (random, known))

    # the logits' own figure, which softmax only shifts
    assert by_chance == pytest.approx((random.max() - random.mean()) / random.std(), rel=1e-3)
    assert by_chance < 4
    assert recognised > 9


def test_a_temperature_does_not_change_how_far_a_class_stands_out():
    logits = np.random.default_rng(5).normal(0, 2, 50)

    assert standout(softmax(logits)) == pytest.approx(standout(softmax(logits / 0.6)), rel=1e-3)


@pytest.mark.parametrize("probabilities", [np.full(8, 0.125), np.array([1.0, 0, 0, 0, 0, 0, 0, 0])])
def test_equal_and_certain_probabilities_are_numbers_too(probabilities):
    assert 0 <= standout(probabilities.astype(np.float32)) < 8


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return (powers / powers.sum()).astype(np.float32)
