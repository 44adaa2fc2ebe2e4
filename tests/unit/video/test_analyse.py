"""From a file to predictions and segments, through the worker's process: every kind of video that comes along."""

import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction

import pytest
from PIL import Image
from tests.conftest import SAMPLES
from tests.videos import COLOURS, FAST, colour_of, coloured, turned

from sightserve.video.analyse import Plan, analyse
from sightserve.video.errors import Cancelled, NoPicture, NotAVideo, VideoError, VideoTooLarge, WorkerLost
from sightserve.video.limits import Limits
from sightserve.video.timeline import segments

SCENES = [("red", 1.0), ("green", 1.5), ("blue", 1.0)]
LOOKS = {"fit": "crop", "width": 32, "height": 32, "fraction": 1.0}
PLAN = Plan(LOOKS, rate=4.0, parallel=2)
PERIOD = 1 / PLAN.rate


def look(path, plan=PLAN, classify=colour_of):
    *_, seen = analyse(path, classify, plan)
    return seen


def noting(pictures, classify=colour_of):
    """A classifier that keeps what it was asked about."""

    def ask(jpeg):
        pictures.append(jpeg)
        return classify(jpeg)

    return ask


def slowly(jpeg):
    time.sleep(0.05)
    return colour_of(jpeg)


def right(seen, scenes=SCENES, smoothing=0.5):
    """Whether the segments are these scenes, each boundary within one sample period."""
    found = segments(seen.moments, seen.end, smoothing=smoothing)
    edges, at = [0.0], 0.0
    for _, seconds in scenes:
        edges.append(at := at + seconds)
    assert [segment.label for segment in found] == [colour for colour, _ in scenes]
    for segment, start, end in zip(found, edges[:-1], edges[1:], strict=True):
        assert segment.start == pytest.approx(start, abs=PERIOD)
        assert segment.end == pytest.approx(end, abs=PERIOD)
    return True


def test_the_segments_are_what_the_video_shows(tmp_path):
    seen = look(coloured(tmp_path, "v.mp4", SCENES))

    assert right(seen)
    assert seen.complete
    assert not seen.cut_off
    assert [m.time for m in seen.moments] == pytest.approx(
        [n * PERIOD for n in range(15)]
    )  # 88 frames of 0.04 s: 3.52 s
    assert (seen.facts.width, seen.facts.height, seen.facts.audio) == (160, 120, ("aac",))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("late.mp4", {"start": Fraction(3, 2)}),
        ("late.mkv", {"start": Fraction(5)}),
        ("stream.ts", {"start": Fraction(7)}),
        ("ten-bit.mp4", {"pix_fmt": "yuv420p10le"}),
        ("full-chroma.mkv", {"pix_fmt": "yuv444p"}),
        ("mute.mp4", {"audio": ()}),
        ("languages.mkv", {"audio": ("aac", "libmp3lame", "flac")}),
        (
            "vp9.webm",
            {"codec": "libvpx-vp9", "audio": ("libopus",), "options": {"deadline": "realtime", "cpu-used": "8"}},
        ),
        ("hevc.mp4", {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}}),
        ("old.avi", {"codec": "mpeg4", "options": {}}),
        ("index-behind.mp4", {"faststart": False}),
        ("wide-pixels.mp4", {"sar": Fraction(2)}),
        ("slow.mp4", {"fps": 5}),
        ("fast.mp4", {"fps": 60}),
    ],
)
def test_every_kind_is_read(tmp_path, name, how):
    assert right(look(coloured(tmp_path, name, SCENES, **how)))


@pytest.mark.parametrize("name", ["v.mp4", "v.avi"])
def test_a_cut_between_two_moments_is_found_to_the_frame(tmp_path, name):
    scenes = [
        ("red", 1.06),
        ("green", 1.48),
        ("blue", 0.84),
        ("grey", 1.22),
    ]  # changes with frame 27, 64 and 85 of 25 a second
    how = {"codec": "mpeg4", "options": {}} if name.endswith("avi") else {}
    asked: list[bytes] = []

    seen = look(coloured(tmp_path, name, scenes, audio=(), **how), classify=noting(asked))

    found = segments(seen.moments, seen.end)
    assert [s.label for s in found] == ["red", "green", "blue", "grey"]
    assert [s.start for s in found] == pytest.approx([0, 1.08, 2.56, 3.40], abs=0.001)
    assert len(asked) == 19  # 4.6 s, 4 a second: no frame more than that


def test_a_picture_that_fades_into_another_is_not_cut(tmp_path):
    path = tmp_path / "v.mp4"
    faded(path, "red", "blue", fps=25, start=13, frames=12)  # from 0.52 to 1.0 s

    seen = look(path)

    assert {moment.cut for moment in seen.moments} == {None}


def test_the_sample_is_cut_where_its_photos_change():
    # 2.4 s each: `make_video.photo_scenes`
    jpegs: list[bytes] = []

    seen = look(SAMPLES / "tour.mp4", Plan(LOOKS, parallel=1), classify=noting(jpegs, lambda _: ()))

    assert [m.cut for m in seen.moments if m.cut] == pytest.approx([2.4, 4.8, 7.2, 9.6], abs=0.001)
    assert len(jpegs) == 48


ON = [("red", 1.4), ("green", 1.7), ("blue", 3.0), ("red", 1.1)]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("v.mp4", {}),
        ("long-gop.mp4", {"options": FAST | {"g": "1000", "sc_threshold": "0"}}),
        ("short-gop.mkv", {"options": FAST | {"g": "12", "bf": "3", "x264-params": "open-gop=1"}}),
        ("late.mkv", {"start": Fraction(5)}),
        ("stream.ts", {"start": Fraction(7)}),
        ("old.avi", {"codec": "mpeg4", "options": {}}),
        ("still.mp4", {"times": [Fraction(0), Fraction(3, 2), Fraction(4), Fraction(13, 2), Fraction(7)]}),
        ("hevc.mov", {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}}),
    ],
)
@pytest.mark.parametrize("count", [1, 20])
def test_an_analysis_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, name, how, count):
    path = coloured(tmp_path, name, ON, **how)
    whole = look(path)
    asked: list[bytes] = []

    for known in analyse(path, colour_of, PLAN):
        if len(known.moments) == count:
            break
    *_, seen = analyse(path, noting(asked), PLAN, known=known)

    assert seen == replace(whole, picture=seen.picture)
    assert len(asked) <= len(whole.moments) - count


def test_odd_sizes_are_read(tmp_path):
    path = coloured(tmp_path, "odd.avi", SCENES, size=(97, 63), codec="mjpeg", pix_fmt="yuvj444p", options={})

    assert right(look(path))


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_variable_frame_rate_keeps_its_times(tmp_path, name):
    # as a recording of a screen: bursts, and pictures that stand still for more than a second
    times = [Fraction(n, 30) for n in range(5)]  # red at 0
    times += [1 + Fraction(n, 30) for n in range(3)]  # green at 1
    times += [Fraction(5, 2), Fraction(3), Fraction(7, 2) - Fraction(1, 30)]  # blue at 2.5

    seen = look(coloured(tmp_path, name, SCENES, times=times))

    assert right(seen)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_is_looked_at_upright(tmp_path, degrees):
    photo = tmp_path / "flag.png"  # red above blue
    flag = Image.new("RGB", (64, 64), COLOURS["red"])
    flag.paste(COLOURS["blue"], (0, 32, 64, 64))
    flag.save(photo)
    path = tmp_path / "v.mp4"
    from tools.make_video import write_video  # noqa: PLC0415

    write_video(path, [(photo, 0.5)], size=(160, 120), turn=degrees, zoom=False, options=FAST)
    turned(path, degrees)
    pictures: list[bytes] = []

    seen = look(path, classify=noting(pictures, lambda jpeg: colour_of(top_of(jpeg))))

    assert seen.moments[0].guesses[0].label == "red"
    assert len(pictures) == 2


def faded(path, before, after, *, fps, start, frames):
    """One colour, and another into which it fades."""
    import av  # noqa: PLC0415

    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options=FAST)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        first, second = (Image.new("RGB", (160, 120), COLOURS[colour]) for colour in (before, after))
        for number in range(start + frames + fps):
            share = min(1.0, max(0.0, (number - start) / frames))
            out.mux(stream.encode(av.VideoFrame.from_image(Image.blend(first, second, share))))
        out.mux(stream.encode(None))


def top_of(jpeg: bytes) -> bytes:
    import io  # noqa: PLC0415

    with Image.open(io.BytesIO(jpeg)) as image:
        buffer = io.BytesIO()
        image.crop((0, 0, image.width, image.height // 3)).save(buffer, "JPEG")
        return buffer.getvalue()


@pytest.mark.parametrize("transfer", [16, pytest.param(18, marks=pytest.mark.slow)], ids=["PQ", "HLG"])
def test_hdr_is_mapped_to_an_ordinary_screen(tmp_path, transfer):
    path = coloured(
        tmp_path, "v.mp4", [("grey", 0.5)], pix_fmt="yuv420p10le", codec="libx265", colour=(9, transfer, 9),
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
    )  # fmt: skip
    pixels: list[bytes] = []

    seen = look(path, classify=noting(pixels))

    assert seen.facts.hdr
    # A code value of 120/255 is 0.47: in PQ that is about 75 cd/m2 (ST 2084), a good third of the 203 of reference white
    # (BT.2408), so mapped it is lighter than the stored value; in HLG it is well below white too, and not black.
    assert 100 < middle(pixels[0]) < 230
    assert middle(pixels[0]) != pytest.approx(120, abs=3)


def middle(jpeg: bytes) -> int:
    import io  # noqa: PLC0415

    with Image.open(io.BytesIO(jpeg)) as image:
        value = image.convert("L").getpixel((image.width // 2, image.height // 2))
        assert isinstance(value, int)
        return value


def test_a_video_that_was_cut_off_gives_what_could_be_read_and_says_so(tmp_path):
    path = coloured(tmp_path, "v.mp4", [("red", 3.0), ("green", 5.0)], audio=())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])

    seen = look(path)

    assert seen.complete
    assert seen.cut_off
    assert 1 < seen.end < 7
    assert seen.moments[0].guesses[0].label == "red"


def test_a_damaged_place_in_the_middle_is_passed_over(tmp_path):
    path = coloured(tmp_path, "v.mkv", [("red", 2.0), ("blue", 2.0)], options=FAST | {"g": "10"}, audio=())
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 200] = bytes(200)
    path.write_bytes(data)

    seen = look(path)

    assert seen.moments[0].guesses[0].label == "red"
    assert seen.complete


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        bytes(5000),
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
        (SAMPLES / "cat.jpg").read_bytes(),
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
    ],
)
def test_what_is_no_video_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "v.mp4"
    path.write_bytes(content)

    with pytest.raises(NotAVideo, match="not a video"):
        look(path)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "AVIF", "TIFF"])
def test_an_image_is_no_video_whatever_it_is_called(tmp_path, kind):
    path = tmp_path / "v.mp4"
    Image.new("RGB", (64, 64), "red").save(path, kind)

    with pytest.raises(VideoError):
        look(path)


def test_sound_alone_is_no_video(tmp_path):
    import av  # noqa: PLC0415

    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 44_100
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))

    with pytest.raises(NoPicture, match="only sound"):
        look(path)


@pytest.mark.parametrize("limits", [Limits(pixels=100 * 100), Limits(seconds=1.0)], ids=["too many pixels", "too long"])
def test_what_is_above_a_limit_is_refused(tmp_path, limits):
    with pytest.raises(VideoTooLarge, match="limit"):
        look(coloured(tmp_path, "v.mp4", SCENES), Plan(PLAN.looks, limits=limits))


def test_a_video_that_lies_about_its_length_is_stopped_at_the_limit(tmp_path):
    path = coloured(tmp_path, "v.ts", [("red", 4.0)], audio=())  # a stream has no length in its head

    with pytest.raises(VideoTooLarge):
        look(path, Plan(PLAN.looks, limits=Limits(seconds=2.0)))


def test_a_picture_that_stands_still_is_classified_once(tmp_path):
    path = coloured(tmp_path, "v.mp4", [("red", 3.0)], times=[Fraction(0), Fraction(1), Fraction(3) - Fraction(1, 25)])
    asked: list[bytes] = []

    seen = look(path, classify=noting(asked))

    assert len(seen.moments) == 12
    assert len(asked) == 2  # the third begins after the last moment


def test_what_the_classifier_raises_ends_the_analysis(tmp_path):
    def broken(_jpeg):
        raise VideoError("the model failed")

    with pytest.raises(VideoError, match="model failed"):
        look(coloured(tmp_path, "v.mp4", SCENES), classify=broken)


def test_stop_ends_it_at_once_and_leaves_no_process(tmp_path):
    path = coloured(tmp_path, "v.mp4", [("red", 20.0)], fps=10)
    stop = threading.Event()
    looking = analyse(path, slowly, PLAN, stop)
    next(looking)
    stop.set()
    started = time.monotonic()

    with pytest.raises(Cancelled):
        for _ in looking:
            pass

    assert time.monotonic() - started < 2


def test_a_slow_classifier_holds_the_decoder_back(tmp_path):
    path = coloured(tmp_path, "v.mp4", [("red", 5.0)], fps=10, audio=())
    waiting, most = [0], [0]

    def slow(jpeg):
        waiting[0] += 1
        most[0] = max(most[0], waiting[0])
        time.sleep(0.02)
        waiting[0] -= 1
        return colour_of(jpeg)

    look(path, classify=slow)

    assert most[0] <= PLAN.parallel


def test_a_worker_that_hangs_is_killed(tmp_path, monkeypatch):
    path = tmp_path / "sleep.py"
    path.write_text("import sys, time; sys.stdin.readline(); time.sleep(60)")
    monkeypatch.setattr(sys, "executable", _script(tmp_path, path))
    started = time.monotonic()

    with pytest.raises(WorkerLost, match="busy"):
        look(tmp_path, Plan(PLAN.looks, limits=Limits(quiet_seconds=0.5)))

    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "ending", ["import os; os.abort()", "print('not a message of ours, and long enough for its head')", ""]
)
def test_a_worker_that_dies_or_talks_nonsense_is_an_error_with_a_name(tmp_path, monkeypatch, ending):
    path = tmp_path / "end.py"
    path.write_text(f"import sys; sys.stdin.readline(); {ending}")
    monkeypatch.setattr(sys, "executable", _script(tmp_path, path))

    with pytest.raises(WorkerLost):
        look(tmp_path)


def _script(folder, program):
    """A Python that runs this program whatever it is told."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}"\n')
    script.chmod(0o755)
    return str(script)
