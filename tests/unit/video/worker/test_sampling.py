"""Which frame is on screen at which moment."""

import pytest

from sightserve.video.worker.sampling import on_screen


def shown(frames, rate):
    return [(sample.time, frame, sample.fresh) for sample, frame in on_screen(frames, rate)]


def test_at_each_moment_the_last_frame_that_began_is_on_screen():
    # ten frames a second; moments at 0, 0.25, 0.5 and 0.75 see those that began at 0, 0.2, 0.5 and 0.7
    frames = [(n / 10, 0.1, n) for n in range(10)]

    assert [(time, frame) for time, frame, _ in shown(frames, 4)] == [(0.0, 0), (0.25, 2), (0.5, 5), (0.75, 7)]


def test_a_frame_that_holds_comes_again_but_is_not_fresh():
    frames = [(0.0, 0.1, "a"), (0.1, 0.1, "b"), (1.0, 0.25, "c")]  # as a screen recording: b is on screen until 1.0

    assert shown(frames, 4) == [
        (0.0, "a", True),
        (0.25, "b", True),
        (0.5, "b", False),
        (0.75, "b", False),
        (1.0, "c", True),
    ]


def test_a_video_that_begins_late_begins_with_its_first_frame():
    assert shown([(0.6, 0.2, "a"), (0.8, 0.3, "b")], 4) == [(0.6, "a", True), (0.75, "a", False), (1.0, "b", True)]


def test_frames_before_the_start_count_from_the_start_on():
    assert shown([(-0.1, 0.2, "a"), (0.1, 0.2, "b")], 4) == [(0.0, "a", True), (0.25, "b", True)]


def test_one_frame_is_seen_once_and_no_frame_is_nothing():
    assert shown([(0.0, 0.04, "a")], 4) == [(0.0, "a", True)]
    assert shown([], 4) == []


@pytest.mark.parametrize("rate", [0.5, 3, 7, 29.97])
def test_moments_do_not_drift(rate):
    frames = [(n / 30, 1 / 30, n) for n in range(3000)]  # 100 seconds

    times = [time for time, _, _ in shown(frames, rate)]

    assert times == pytest.approx([n / rate for n in range(len(times))])
    assert len(times) == pytest.approx(100 * rate, abs=1)
