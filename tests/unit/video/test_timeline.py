"""Labels that hold on, and the segments that they make."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightserve.video.timeline import Guess, Moment, at, segments, smooth


def moments(text: str, sure: float = 0.9, rate: float = 4.0) -> list[Moment]:
    """One moment for each letter; a dot is a frame that nothing is said about."""
    return [
        Moment(n / rate, () if letter == "." else (Guess(letter, sure), Guess("other", (1 - sure) / 2)))
        for n, letter in enumerate(text)
    ]


def smoothed(text: str, **how: float) -> str:
    found = smooth(moments(text), len(text) / 4, **how)
    return "".join(label or "-" for label in found)


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ("aaaaaaaa", "aaaaaaaa"),
        ("aaaabbbb", "aaaabbbb"),  # a cut stays where it is: no moving average delays it
        ("aaaabaaa", "aaaaaaaa"),  # 0.25 s is a flicker at 0.5 s of smoothing
        ("aaaabbaaaa", "aaaaaaaaaa"),  # 0.5 s is not longer than 0.5 s
        ("aaaabbbaaaa", "aaaabbbaaaa"),  # 0.75 s is
        ("aabaaabaaaabaa", "aaaaaaaaaaaaaa"),
    ],
)
def test_labels_hold_on_and_cuts_stay_in_place(seen, shown):
    assert smoothed(seen, smoothing=0.5) == shown


def test_without_smoothing_each_moment_shows_its_own_label():
    assert smoothed("abacab", smoothing=0) == "abacab"


def test_the_parameter_is_in_seconds_whatever_the_rate():
    # a second of b between a's, at 2 and at 20 moments a second
    for rate in (2, 20):
        text = "a" * 3 * rate + "b" * rate + "a" * 3 * rate
        assert "b" in smooth(moments(text, rate=rate), len(text) / rate, smoothing=0.8)
        assert "b" not in smooth(moments(text, rate=rate), len(text) / rate, smoothing=1.2)


def test_below_the_threshold_there_is_no_label():
    unsure = [Moment(n / 4, (Guess("a", 0.1), Guess("b", 0.08))) for n in range(12)]

    assert smooth(unsure, 3.0, threshold=0.2) == [None] * 12
    assert smooth(unsure, 3.0, threshold=0.05) == ["a"] * 12


def test_two_labels_that_take_turns_at_being_first_do_not_flicker():
    pairs = [(0.45, 0.40), (0.40, 0.45)]
    unsteady = [Moment(n / 4, (Guess("tabby", a), Guess("tiger cat", b))) for n, (a, b) in enumerate(pairs * 10)]

    assert len(set(smooth(unsteady, 5.0))) == 1


def test_what_nothing_is_known_about_shows_nothing():
    assert segments([], 3.0) == []
    assert [s.label for s in segments(moments("...."), 1.0)] == [None]


def test_a_change_lies_half_way_between_the_moments_that_saw_it():
    found = segments(moments("aaaabbbb"), 2.0)

    # the last a is at 0.75, the first b at 1.0
    assert [(s.start, s.end, s.label) for s in found] == [(0.0, 0.875, "a"), (0.875, 2.0, "b")]
    assert found[0].probability == pytest.approx(0.9)


def test_the_mean_probability_counts_what_was_smoothed_away():
    (found,) = segments(moments("aaabaaaa"), 2.0)

    assert found.label == "a"
    assert found.probability == pytest.approx(0.9 * 7 / 8)  # b's moment has no a at all


def test_at_finds_the_segment_that_holds():
    found = segments(moments("aaaabbbb"), 2.0)

    assert [getattr(at(found, time), "label", None) for time in (0.0, 0.874, 0.875, 1.99, 2.0)] == [
        "a",
        "a",
        "b",
        "b",
        None,
    ]


@given(st.text("abc.", min_size=1, max_size=60), st.floats(0, 3), st.floats(0.02, 0.95))
def test_segments_are_gapless_ordered_and_end_with_the_video(text, smoothing, threshold):
    found = segments(moments(text), len(text) / 4, smoothing=smoothing, threshold=threshold)

    assert found[0].start == 0
    assert found[-1].end == len(text) / 4
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    assert all(before.label != after.label for before, after in itertools.pairwise(found))
    assert all(0 <= segment.probability <= 1 for segment in found)


@given(st.text("ab", min_size=1, max_size=5), st.floats(0.1, 2))
def test_the_labels_are_the_best_of_all_sequences(text, smoothing):
    seen = moments(text, sure=0.7)
    change = smoothing * math.log(100) / 2

    def cost(labels):
        said = {n: dict(moment.guesses) for n, moment in enumerate(seen)}
        total = sum(-math.log(max(0.01, 0.2 if x is None else said[n].get(x, 0))) / 4 for n, x in enumerate(labels))
        return total + sum(0 if x == y else change for x, y in itertools.pairwise(labels))

    best = min(map(cost, itertools.product(["a", "b", "other", None], repeat=len(text))))

    assert cost(smooth(seen, len(text) / 4, smoothing=smoothing, threshold=0.2)) == pytest.approx(best)
