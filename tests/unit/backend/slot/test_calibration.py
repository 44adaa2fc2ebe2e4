"""Temperature: the probabilities that the same logits give when they are divided by it."""

import numpy as np
import pytest

from sightserve.backend.slot.calibration import calibrated

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 9.0]], dtype=np.float32)


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
@pytest.mark.parametrize(("activation", "exclusive"), [(softmax, True), (sigmoid, False)])
def test_it_is_as_if_the_logits_had_been_divided(temperature, activation, exclusive):
    found = calibrated(activation(LOGITS), temperature, exclusive=exclusive)

    np.testing.assert_allclose(found, activation(LOGITS / temperature), rtol=1e-4, atol=1e-6)
    assert found.dtype == np.float32


def test_the_order_of_the_labels_stays():
    rows = softmax(np.random.default_rng(2).normal(size=(20, 50)).astype(np.float32))

    found = calibrated(rows, 0.5, exclusive=True)

    assert (np.argsort(found) == np.argsort(rows)).all()


@pytest.mark.parametrize("exclusive", [True, False])
def test_certainty_stays_certainty(exclusive):
    sure = np.array([[1.0, 0.0]], dtype=np.float32)

    np.testing.assert_array_equal(calibrated(sure, 0.5, exclusive=exclusive), sure)


@pytest.mark.parametrize("exclusive", [True, False])
def test_what_is_no_probability_does_not_become_one(exclusive):
    """A model's NaN is refused after this, not hidden by it."""
    assert np.isnan(calibrated(np.array([[np.nan, 0.5]], dtype=np.float32), 0.5, exclusive=exclusive)).any()
