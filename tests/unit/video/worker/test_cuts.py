"""Where the picture changes at once."""

import pytest

from sightserve.video.worker.cuts import cut


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([1, 1, 60, 1, 1], 2),
        ([0, 0, 0, 0, 60], 4),
        ([60], 0),  # one frame between two moments, as in a recording of a screen
        ([10, 11, 12, 11, 10], None),  # one picture fades into another
        ([20, 25, 22], None),  # the camera is swung round
        ([1, 60, 58, 1], None),  # a flash: there and back
        ([0.1, 0.1, 2.0, 0.1], None),  # an encoder's key frame
        ([], None),  # the picture stands still
    ],
)
def test_a_cut_is_a_change_that_stands_out(changes, expected):
    found = cut([(float(number), change) for number, change in enumerate(changes)])

    assert found == (None if expected is None else float(expected))
