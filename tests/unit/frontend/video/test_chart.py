"""Which labels the chart of a video shows."""

from sightserve.frontend.video.chart import frequent
from sightserve.video.timeline import Guess, Moment, Segment


def test_labels_that_are_shown_come_first_and_then_those_that_are_most_probable_overall():
    """Never quite half as probable is more, over all, than hardly at all."""
    often = [Guess("often second", 0.49), *(Guess(f"hardly {number}", 0.02) for number in range(4))]
    moments = [Moment(float(second), (Guess("shown", 0.5), *often)) for second in range(10)]
    found = frequent(moments, [Segment(0.0, 1.0, "shown for a second", 0.3), Segment(1.0, 10.0, "shown", 0.5)])

    assert found[:3] == ["shown", "shown for a second", "often second"]
    assert len(found) == 5
