"""Which labels the chart of a video shows."""

from sightserve.frontend.video.chart import frequent, points
from sightserve.video.timeline import Guess, Moment, Segment


def test_labels_that_are_shown_come_first_and_then_those_that_are_most_probable_overall():
    """Never quite half as probable is more, over all, than hardly at all."""
    often = [Guess("often second", 0.49), *(Guess(f"hardly {number}", 0.02) for number in range(4))]
    moments = [Moment(float(second), (Guess("shown", 0.5), *often)) for second in range(10)]
    found = frequent(moments, [Segment(0.0, 1.0, "shown for a second", 0.3), Segment(1.0, 10.0, "shown", 0.5)])

    assert found[:3] == ["shown", "shown for a second", "often second"]
    assert len(found) == 5


def test_a_label_has_no_line_where_it_is_next_to_nothing():
    """Lines at 0 would cover each other. One that begins and ends within the video has its edges."""
    probabilities = [0.01, 0.8, 0.6, 0.01, 0.0, 0.5]
    moments = [Moment(float(second), (Guess("cat", p),)) for second, p in enumerate(probabilities)]

    drawn = [(point["time"], point["percent"]) for point in points(moments, ["cat", "never"], 6.0)]

    assert drawn == [(1, 0), (1, 80), (2, 60), (3, 0), (3, None), (5, 0), (5, 50), (6, 50)]


def test_a_line_changes_where_the_picture_is_cut():
    moments = [Moment(0.0, (Guess("cat", 0.8),)), Moment(0.25, (Guess("cat", 0.5),), cut=0.2)]

    assert [point["time"] for point in points(moments, ["cat"], 0.5)] == [0, 0.2, 0.5]
