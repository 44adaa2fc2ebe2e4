"""Times that start again, jump, or are nonsense, as one time that goes on."""

import itertools
import random

import pytest

from sightserve.video.worker.clock import Clock

PICTURE, SOUND = 0, 1
SECOND = 1_000_000


def placed(clock, stream, times, *, length=40_000, key=True):
    """Where these times of decoding come to lie."""
    return [time + clock.offset(stream, time, time, length, key=key) for time in times]


def steps(first, count, length=40_000):
    return [first + n * length for n in range(count)]


@pytest.mark.parametrize("first", [0, 1_400_000, 5000 * SECOND, -3 * SECOND])
def test_time_that_goes_on_is_left_alone(first):
    times = steps(first, 50)

    assert placed(Clock(jumps=True), PICTURE, times) == times


@pytest.mark.parametrize("again", [0, 1_400_000, 3600 * SECOND, -(2**62)])
def test_time_that_starts_again_or_jumps_goes_on_behind_what_was_there(again):
    clock = Clock(jumps=True)

    assert placed(clock, PICTURE, steps(1_400_000, 25) + steps(again, 25)) == steps(1_400_000, 50)


def test_the_last_sound_of_one_recording_may_come_after_the_first_picture_of_the_next():
    clock = Clock(jumps=True)
    placed(clock, PICTURE, steps(0, 25))
    placed(clock, SOUND, steps(0, 24))

    assert placed(clock, PICTURE, [0]) == [SECOND]
    assert placed(clock, SOUND, [960_000]) == [960_000]
    assert placed(clock, SOUND, [10_000]) == [1_010_000]
    assert placed(clock, PICTURE, [40_000]) == [1_040_000]


def test_picture_and_sound_stay_in_step_where_the_sound_of_each_piece_is_longer():
    clock = Clock(jumps=True)
    for piece in range(5):
        pictures = placed(clock, PICTURE, steps(0, 25))
        sounds = placed(clock, SOUND, steps(0, 75))

        assert pictures == steps(piece * 3 * SECOND, 25)
        assert sounds == steps(piece * 3 * SECOND, 75)


def test_a_pause_is_a_pause():
    times = [0, 40_000, 9 * SECOND]

    assert placed(Clock(jumps=True), PICTURE, times) == times


def test_a_picture_that_stands_still_while_the_sound_goes_on_has_not_jumped():
    clock = Clock(jumps=True)
    placed(clock, PICTURE, [0])
    placed(clock, SOUND, steps(0, 500))

    assert placed(clock, PICTURE, [20 * SECOND]) == [20 * SECOND]


def test_a_stream_that_begins_with_the_next_recording_begins_where_that_was_put():
    clock = Clock(jumps=True)
    placed(clock, PICTURE, [*steps(0, 25), 3600 * SECOND])

    assert placed(clock, SOUND, [3600 * SECOND]) == [SECOND]


def test_a_stream_whose_times_have_nothing_to_do_with_the_others_begins_where_they_are():
    clock = Clock(jumps=True)
    placed(clock, PICTURE, steps(0, 25))

    assert placed(clock, SOUND, [7200 * SECOND]) == [SECOND]


def test_a_picture_that_comes_far_behind_its_sound_in_the_file_is_not_moved():
    clock = Clock(jumps=True)
    placed(clock, SOUND, steps(1_400_000, 1000))

    assert placed(clock, PICTURE, [1_400_000, 16_400_000], key=False) == [1_400_000, 16_400_000]


def test_where_time_cannot_jump_a_gap_is_a_picture_that_stands_still():
    times = [0, 40_000, 60 * SECOND]

    assert placed(Clock(jumps=False), PICTURE, times) == times


def test_where_time_cannot_jump_only_what_can_be_decoded_alone_starts_again():
    # a demuxer that knows no times of decoding gives those of showing, which go back at pictures between others
    assert placed(Clock(jumps=False), PICTURE, [0, 3 * SECOND, SECOND], key=False) == [0, 3 * SECOND, SECOND]
    assert placed(Clock(jumps=False), PICTURE, [0, 3 * SECOND, 0]) == [0, 3 * SECOND, 3 * SECOND + 40_000]


def test_packets_without_a_time_move_nothing():
    clock = Clock(jumps=True)
    placed(clock, PICTURE, [*steps(0, 25), 0])

    assert clock.offset(PICTURE, None, None, 40_000, key=False) == SECOND
    assert clock.end == SECOND + 40_000


def test_one_packet_that_says_it_is_shown_in_an_hour_does_not_make_an_hour():
    clock = Clock(jumps=True)
    clock.offset(PICTURE, 0, 3600 * SECOND, 40_000, key=True)

    assert clock.end == 40_000


@pytest.mark.parametrize("seed", range(20))
def test_time_that_jumps_back_and_forth_for_ever_takes_no_longer_than_its_packets(seed):
    chance = random.Random(seed)
    clock = Clock(jumps=True)
    placed(clock, PICTURE, [0])
    ends = [clock.end]
    for _ in range(2000):
        time = chance.choice([0, 2**62, -(2**62), chance.randrange(-(2**62), 2**62), 5 * SECOND])
        clock.offset(chance.randrange(3), time, time, 40_000, key=True)
        ends.append(clock.end)

    assert all(0 <= after - before <= 10 * SECOND + 40_000 for before, after in itertools.pairwise(ends))
