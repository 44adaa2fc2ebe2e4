"""Time in videos as they come: joined, jumping, late; sound or words that outlast the picture, pictures that repeat."""

import itertools
import random
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.videos import FAST, colour_of, coloured, emptied, frames, joined, packets, with_subtitles

from sightserve.video.analyse import Plan, Seen, analyse
from sightserve.video.annotate import annotate
from sightserve.video.errors import VideoError, VideoTooLarge
from sightserve.video.limits import Limits
from sightserve.video.timeline import segments

LOOKS = {"fit": "crop", "width": 32, "height": 32, "fraction": 1.0}
PLAN = Plan(LOOKS, rate=4.0, parallel=2)
PERIOD = 1 / PLAN.rate
KINDS = {
    "ts": {},
    "vob": {"codec": "mpeg2video", "options": {"bf": "2"}, "audio": ("ac3",)},
    "mpg": {"codec": "mpeg1video", "options": {}, "audio": ("mp2",)},
}
AVI = {"codec": "mpeg4", "options": {}, "audio": ("libmp3lame",)}


def look(path: Path, plan: Plan = PLAN) -> Seen:
    *_, seen = analyse(path, colour_of, plan)
    return seen


def assert_whole(seen, *expected):
    """It shows these colours until then, each boundary within a sample period, and nothing is said to be wrong with it."""
    found = segments(seen.moments, seen.end)
    assert [segment.label for segment in found] == [colour for colour, _ in expected]
    assert [segment.end for segment in found] == pytest.approx([end for _, end in expected], abs=PERIOD)
    assert (seen.cut_off, seen.damaged) == (False, 0)


def pieces(tmp_path, kind, starts, **how):
    """A second of red, green, blue each, with times from these on."""
    return [
        coloured(tmp_path, f"{colour}.{kind}", [(colour, 1.0)], start=Fraction(start), **KINDS.get(kind, {}) | how)
        for colour, start in zip(("red", "green", "blue"), starts, strict=False)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "starts", [(0, 0, 0), (5, 5000, 3), (7000, 2, 40)], ids=["again", "there and back", "back and ahead"]
)
def test_recordings_that_were_joined_are_labelled_one_after_the_other(tmp_path, kind, starts):
    path = joined(tmp_path / f"joined.{kind}", *pieces(tmp_path, kind, starts))

    assert_whole(look(path), ("red", 1), ("green", 2), ("blue", 3))


@pytest.mark.parametrize("kind", KINDS)
def test_recordings_without_sound_are_joined_too(tmp_path, kind):
    path = joined(tmp_path / f"joined.{kind}", *pieces(tmp_path, kind, (0, 0, 9000), audio=()))

    assert_whole(look(path), ("red", 1), ("green", 2), ("blue", 3))


def test_pieces_of_a_webm_are_labelled_one_after_the_other(tmp_path):
    red, green = pieces(tmp_path, "webm", (0, 0), codec="libvpx", audio=("libopus",), options={"deadline": "realtime"})

    assert_whole(look(joined(tmp_path / "joined.webm", red, green)), ("red", 1), ("green", 2))


def test_a_pause_of_some_seconds_is_a_picture_that_stands_still(tmp_path):
    path = joined(tmp_path / "joined.ts", *pieces(tmp_path, "ts", (0, 6)))

    assert_whole(look(path), ("red", 6), ("green", 7))


def test_a_stream_whose_counter_runs_over_goes_on(tmp_path):
    path = coloured(tmp_path, "v.ts", [("red", 2.0), ("green", 2.0)], start=Fraction(2**33, 90_000) - 1)

    assert_whole(look(path), ("red", 2), ("green", 4))


def test_picture_and_sound_of_what_was_joined_stay_in_step_in_the_annotated_video(tmp_path):
    source = joined(tmp_path / "joined.ts", *pieces(tmp_path, "ts", (0, 0, 5000)))
    target = tmp_path / "out.mp4"

    *_, last = annotate(source, target, [])

    assert last.done
    pictures, sounds = [time for time, _ in frames(target)], [float(time) for time, _ in packets(target)]
    assert len(pictures) == 75
    assert pictures == sorted(pictures)
    assert pictures[-1] == pytest.approx(3.0, abs=0.15)
    assert sounds[-1] == pytest.approx(3.0, abs=0.15)
    assert max(after - before for before, after in itertools.pairwise(pictures)) < 0.2
    assert len(sounds) == pytest.approx(len(packets(source)), abs=3)


def test_sound_that_is_encoded_anew_is_joined_too(tmp_path):
    source = joined(tmp_path / "joined.mpg", *pieces(tmp_path, "mpg", (0, 0, 5000)))
    target = tmp_path / "out.mp4"

    *_, last = annotate(source, target, [])

    assert last.audio[0].endswith("encoded anew as AAC")
    assert float(packets(target)[-1][0]) == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.flv"])
def test_a_video_that_starts_late_starts_at_nought_and_is_whole(tmp_path, name):
    path = coloured(tmp_path, name, [("red", 1.0), ("green", 1.0)], start=Fraction(100))

    assert_whole(look(path), ("red", 1), ("green", 2))


def test_so_does_one_that_does_not_say_when_it_starts(tmp_path):
    times = [Fraction(0), Fraction(1), Fraction(2)]
    path = coloured(tmp_path, "v.mkv", [("red", 1.0), ("green", 1.04)], times=times, start=Fraction(100), audio=())

    assert_whole(look(path), ("red", 1), ("green", 2))


@pytest.mark.parametrize(("name", "how"), [("v.mp4", {}), ("v.mkv", {}), ("v.ts", {}), ("v.flv", {}), ("v.avi", AVI)])
def test_a_last_picture_is_held_while_there_is_sound(tmp_path, name, how):
    times = [Fraction(n, 25) for n in range(40)]
    path = coloured(tmp_path, name, [("red", 1.0), ("green", 5.0)], times=times, **how)

    assert_whole(look(path), ("red", 1), ("green", 6))


@pytest.mark.parametrize("name", ["v.mkv", "v.mov"])
def test_a_last_picture_that_is_long_itself_is_held(tmp_path, name):
    times = [Fraction(0), Fraction(1), Fraction(2)]
    source = coloured(tmp_path, "short.mp4", [("red", 1.0), ("green", 1.04)], times=times, audio=())
    path = tmp_path / name
    with av.open(str(source)) as video, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(video.streams.video[0])
        stream_base = video.streams.video[0].time_base or Fraction(1)
        for packet in video.demux():
            if packet.size:
                if Fraction(packet.pts or 0) * stream_base == 2:
                    packet.duration = round(4 / stream_base)
                packet.stream = stream
                out.mux(packet)

    assert_whole(look(path), ("red", 1), ("green", 6))


def test_pictures_that_stand_still_for_long_while_there_is_sound_have_not_jumped(tmp_path):
    scenes = [("red", 15.0), ("green", 15.0), ("blue", 2.0)]
    path = coloured(tmp_path, "slides.ts", scenes, times=[Fraction(0), Fraction(15), Fraction(30)])

    assert_whole(look(path), ("red", 15), ("green", 30), ("blue", 32))


def test_pictures_that_the_file_leaves_out_hold_nothing(tmp_path):
    # FFmpeg reads the pieces of a second MP4 behind the first, and marks them as not to be shown
    pieces = []
    for colour in ("red", "green"):
        source, path = coloured(tmp_path, f"{colour}.mp4", [(colour, 1.0)], audio=()), tmp_path / f"{colour}-f.mp4"
        with (
            av.open(str(source)) as video,
            av.open(str(path), "w", container_options={"movflags": "empty_moov+frag_keyframe"}) as out,
        ):
            stream = out.add_stream_from_template(video.streams.video[0])
            for packet in video.demux():
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
        pieces.append(path)

    assert_whole(look(joined(tmp_path / "joined.mp4", *pieces)), ("red", 1))


def test_words_that_outlast_the_picture_are_no_damage_and_hold_nothing(tmp_path):
    source = coloured(tmp_path, "short.mkv", [("red", 1.0)])

    assert_whole(look(with_subtitles(tmp_path / "v.mkv", source, 50)), ("red", 1))


def test_sound_that_comes_long_before_the_picture_is_no_damage(tmp_path):
    times = [3 + Fraction(n, 25) for n in range(50)]
    path = coloured(tmp_path, "v.mp4", [("red", 4.0), ("green", 1.0)], times=times)

    assert_whole(look(path), ("red", 4), ("green", 5))


def test_the_annotated_video_holds_its_last_picture_as_long(tmp_path):
    source = emptied(tmp_path / "v.avi", coloured(tmp_path, "full.avi", [("red", 4.0)], **AVI | {"audio": ()}), 25)
    target = tmp_path / "out.mp4"

    list(annotate(source, target, []))

    with av.open(str(target)) as container:
        assert (container.duration or 0) / 1e6 == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("audio", [(), ("libmp3lame",)], ids=["mute", "with sound"])
def test_packets_with_nothing_in_them_repeat_the_last_picture(tmp_path, audio):
    full = coloured(tmp_path, "full.avi", [("red", 1.0), ("green", 3.0)], **AVI | {"audio": audio})

    assert_whole(look(emptied(tmp_path / "v.avi", full, 40)), ("red", 1), ("green", 4))


def test_packets_with_nothing_in_them_end_nothing(tmp_path):
    # the pictures of a variable rate: what is between them is empty in an AVI
    times = [Fraction(0), Fraction(1, 25), Fraction(1), Fraction(61, 25)]
    path = coloured(tmp_path, "v.avi", [("red", 1.0), ("green", 1.5)], times=times, **AVI | {"audio": ()})

    assert_whole(look(path), ("red", 1), ("green", 2.5))


def test_an_avi_that_is_not_all_there_repeats_nothing(tmp_path):
    full = coloured(tmp_path, "full.avi", [("red", 1.0), ("green", 3.0)], **AVI | {"audio": ()})
    path = emptied(tmp_path / "v.avi", full, 40)
    path.write_bytes(path.read_bytes()[:-100])

    assert look(path).end == pytest.approx(1.6, abs=PERIOD)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_picture_that_is_cut_off_is_said_to_be(tmp_path, name):
    path = coloured(tmp_path, name, [("red", 3.0), ("green", 5.0)], audio=("aac",), options=FAST | {"g": "10"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    seen = look(path)

    assert seen.cut_off
    assert seen.end < 6
    assert seen.facts.seconds == pytest.approx(8.0, abs=0.1)


def test_joined_recordings_are_bounded_by_the_time_that_they_take_together(tmp_path):
    path = joined(tmp_path / "joined.ts", *pieces(tmp_path, "ts", (0, 5000, 0)))

    with pytest.raises(VideoTooLarge, match="limit"):
        look(path, Plan(PLAN.looks, limits=Limits(seconds=2.0)))
    assert look(path, Plan(PLAN.looks, limits=Limits(seconds=4.0))).complete


@pytest.mark.parametrize("seed", range(8))
def test_nonsense_for_times_gives_labels_or_a_refusal_and_never_hours_of_them(tmp_path, seed):
    path = coloured(tmp_path, "v.ts", [("red", 2.0)])
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    for start in range(0, len(data), 188):
        place = data.find(b"\x00\x00\x01", start, start + 188)
        if place >= 0 and data[place + 3] in {0xE0, 0xC0}:  # a picture's or a sound's packet, with its times
            for byte in range(place + 9, place + 9 + data[place + 8]):
                data[byte] = chance.randrange(256) | 1
    path.write_bytes(data)

    try:
        seen = look(path, Plan(PLAN.looks, limits=Limits(seconds=100.0)))
    except VideoError:
        return
    assert len(seen.moments) <= 111 * PLAN.rate
    assert seen.end <= 111
