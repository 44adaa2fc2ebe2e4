"""The start-up calibration, with models whose speed is known."""

import time

import numpy as np

from sightserve.backend.job import LARGEST_BATCH
from sightserve.backend.slot.calibrate import Infer, calibrate

IMAGES = np.zeros((4, 8, 8, 3), dtype=np.uint8)


def model(per_call: float, per_image: float) -> Infer:
    """Spends CPU time."""
    return lambda images: spend(per_call + per_image * len(images))


def spend(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_device_on_which_a_call_costs_more_than_an_image_gets_batches():
    plan = calibrate(model(0.010, 0.0002), IMAGES)

    assert plan.batch == LARGEST_BATCH


def test_a_model_that_takes_as_long_for_images_together_runs_them_together_which_spares_hand_overs():
    assert calibrate(model(0.0, 0.005), IMAGES).batch == LARGEST_BATCH


def test_a_model_that_batches_slow_down_gets_none():
    def infer(images: np.ndarray) -> None:
        spend(0.005 * len(images) * (1.4 if len(images) > 1 else 1))

    assert calibrate(infer, IMAGES).batch == 1


def test_a_slow_model_does_not_hold_up_the_start():
    slow = model(0, 0.2)
    images: list[int] = []

    def counting(batch):
        images.append(len(batch))
        return slow(batch)

    plan = calibrate(counting, IMAGES)

    # three rounds of 0.2 s, and no batch: half a second instead of many
    assert images == [1] * 3
    assert plan.batch == 1
    assert 0.15 < plan.inference < 0.5


def test_a_model_that_takes_one_at_a_time_is_never_given_two():
    images: list[int] = []

    plan = calibrate(lambda batch: images.append(len(batch)), IMAGES, max_batch=1)

    assert (plan.batch, set(images)) == (1, {1})
    assert calibrate(model(0.010, 0.0002), IMAGES, max_batch=3).batch == 3
