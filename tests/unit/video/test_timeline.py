"""Labels that hold on, and the segments that they make."""

import itertools
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightserve.video.timeline import Guess, Moment, at, default_threshold, segments, smooth


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


def test_a_change_lies_where_the_picture_is_cut():
    seen = moments("aaaabbbb")
    seen[4] = Moment(seen[4].time, seen[4].guesses, cut=0.96)
    seen[6] = Moment(seen[6].time, seen[6].guesses, cut=1.4)  # to another picture of the same

    assert [(s.start, s.end, s.label) for s in segments(seen, 2.0)] == [(0.0, 0.96, "a"), (0.96, 2.0, "b")]


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


_guesses = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.0, 0.005, 0.1, 0.3, 0.5, 0.9])),
    max_size=3,
    unique_by=lambda g: g[0],
)


@given(
    st.lists(_guesses, min_size=1, max_size=5),
    st.sampled_from([0.0, 0.25, 0.5]) | st.floats(0, 2),
    st.sampled_from([0.0, 0.01, 0.1, 0.3, 1.0]) | st.floats(0, 1),
)
def test_the_labels_are_the_best_of_all_sequences(said, smoothing, threshold):
    seen = [Moment(n / 4, tuple(itertools.starmap(Guess, guesses))) for n, guesses in enumerate(said)]
    change = smoothing * math.log(100) / 2

    def surprise(moment, label):
        nobody = threshold if moment.guesses else 1.0
        return -math.log(max(0.01, nobody if label is None else dict(moment.guesses).get(label, 0.0)))

    def cost(labels):
        total = sum(surprise(moment, label) / 4 for moment, label in zip(seen, labels, strict=True))
        return total + sum(0 if x == y else change for x, y in itertools.pairwise(labels))

    best = min(map(cost, itertools.product(["a", "b", "c", None], repeat=len(said))))

    assert cost(smooth(seen, len(said) / 4, smoothing=smoothing, threshold=threshold)) == pytest.approx(best)


def test_a_label_that_just_reaches_the_threshold_is_shown():
    assert smooth([Moment(0.0, (Guess("a", 0.2),))], 1.0, threshold=0.2) == ["a"]
    assert smooth([Moment(0.0, (Guess("a", 0.0),))], 1.0, threshold=0.0) == ["a"]


def test_an_interruption_that_gains_exactly_what_it_costs_is_not_shown():
    certain = [Moment(float(n), (Guess(label, 1.0),)) for n, label in enumerate("aba")]

    assert smooth(certain, 3.0, smoothing=1.0) == ["a", "a", "a"]
    assert smooth(certain, 3.0, smoothing=0.99) == ["a", "b", "a"]


def test_our_side_of_the_pipe_loads_nothing_that_decodes_or_computes():
    modules = "timeline, tables, subtitles, analyse, annotate"
    code = f"import sys; from sightserve.video import {modules}; print({{'numpy', 'PIL', 'av'}} & set(sys.modules))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout == "set()\n"


def scene(*seen: tuple[float, float]) -> list[Moment]:
    """A moment each half second, with these probabilities of sky and water, which exclude nothing."""
    return [Moment(n / 2, (Guess("sky", sky), Guess("water", water))) for n, (sky, water) in enumerate(seen)]


def test_labels_that_exclude_nothing_come_and_go_each_by_itself():
    found = segments(scene((0.9, 0.1), (0.9, 0.1), (0.9, 0.7), (0.9, 0.7), (0.1, 0.7), (0.1, 0.7)), 3.0,
                     smoothing=0.1, threshold=0.5, exclusive=False)  # fmt: skip

    assert [(s.start, s.end, s.label) for s in found] == [
        (0.0, 0.75, "sky"), (0.75, 1.75, "sky, water"), (1.75, 3.0, "water"),
    ]  # fmt: skip
    assert [[(part.label, round(part.probability, 3)) for part in s.parts] for s in found] == [
        [("sky", 0.9)], [("sky", 0.9), ("water", 0.7)], [("water", 0.7)],
    ]  # fmt: skip
    assert found[1].probability == pytest.approx(0.7)  # the lowest of those that hold


def test_a_flicker_of_one_of_them_changes_neither():
    seen = [(0.9, 0.9), (0.9, 0.9), (0.9, 0.1), (0.9, 0.9), (0.9, 0.9)]

    (only,) = segments(scene(*seen), 2.5, smoothing=0.6, threshold=0.5, exclusive=False)

    assert only.label == "sky, water"


def test_one_that_is_a_little_below_the_threshold_for_long_does_not_apply():
    found = segments(scene(*[(0.9, 0.53)] * 8, *[(0.9, 0.47)] * 8), 8.0, smoothing=0.5, threshold=0.5, exclusive=False)

    assert [(s.start, s.end, s.label) for s in found] == [(0.0, 3.75, "sky, water"), (3.75, 8.0, "sky")]


def test_where_none_of_them_applies_there_is_no_label():
    (only,) = segments(scene((0.2, 0.1), (0.3, 0.1)), 1.0, threshold=0.5, exclusive=False)

    assert (only.label, only.parts, only.guesses) == (None, (), ())


@pytest.mark.parametrize(
    ("classes", "exclusive", "threshold"),
    [(1000, True, 0.2), (10, True, 0.2), (4, True, 0.35), (2, True, 0.6), (2, False, 0.5), (80, False, 0.5)],
)
def test_the_threshold_to_begin_with_is_above_chance(classes, exclusive, threshold):
    assert default_threshold(classes, exclusive=exclusive) == pytest.approx(threshold)
