"""The annotated video, read back by decoding it."""

import socket
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from tests.videos import COLOURS, FAST, coloured, frames, nearest, packets, turned

from sightserve.video.annotate import annotate
from sightserve.video.errors import Cancelled, CannotWrite, NotAVideo
from sightserve.video.limits import Limits
from sightserve.video.timeline import Segment

SCENES = [("red", 1.0), ("green", 1.5), ("blue", 1.0)]
SEGMENTS = [Segment(0, 1, "red", 0.9), Segment(1, 2.5, None, 0.1), Segment(2.5, 3.5, "blue", 0.8)]


def written(source, segments=SEGMENTS, **how):
    target = source.with_name("out.mp4")
    *_, last = annotate(source, target, segments, **how)
    assert last.done
    return target, last


def has_plate(picture):
    """Whether the top left corner is darker than the middle, as only the plate makes it."""
    height, width, _ = picture.shape
    part = picture[height // 14 : height // 8, width // 14 : width // 6].astype(int).sum(axis=-1)
    corner = np.percentile(part, 20)  # below the letters, which are light
    centre = picture[height // 2, width // 2].astype(int).sum()
    return bool(corner < 0.65 * centre)


def test_the_plate_is_there_when_the_segment_says_so_and_the_picture_below_is_the_original(tmp_path):
    source = coloured(tmp_path, "v.mp4", SCENES, size=(320, 240))

    target, _ = written(source)

    for time, picture in frames(target):
        colour = nearest(picture[200, 160])
        assert colour == ("red" if time < 1 else "green" if time < 2.5 else "blue")
        assert has_plate(picture) == (colour != "green")
    assert len(frames(target)) == len(frames(source))


def test_the_sound_is_kept_bit_for_bit_and_in_time(tmp_path):
    source = coloured(tmp_path, "v.mp4", SCENES)

    target, last = written(source)

    assert last.audio == ("aac: kept",)
    before, after = packets(source), packets(target)
    assert [data for _, data in after] == [data for _, data in before]
    assert [float(time) for time, _ in after] == pytest.approx([float(time) for time, _ in before], abs=0.001)


def test_every_sound_stream_is_kept_where_mp4_holds_it(tmp_path):
    source = coloured(tmp_path, "v.mkv", SCENES, audio=("aac", "libmp3lame", "flac"))

    target, last = written(source)

    assert len(last.audio) == 3
    assert all(entry.endswith("kept") for entry in last.audio)
    for stream in range(3):
        assert [data for _, data in packets(target, stream)] == [data for _, data in packets(source, stream)]


def test_sound_that_browsers_do_not_play_is_encoded_anew_and_said(tmp_path):
    source = coloured(tmp_path, "v.mkv", SCENES, audio=("pcm_s16le",))

    target, last = written(source)

    assert last.audio == ("pcm_s16le: encoded anew as AAC",)
    with av.open(str(target)) as container:
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert len(sound) == pytest.approx(3.5 * 48_000, rel=0.02)
    assert np.abs(sound).max() > 0.05  # a note of 0.12


def test_it_plays_in_every_browser(tmp_path):
    target, _ = written(coloured(tmp_path, "v.mkv", SCENES, size=(322, 182), pix_fmt="yuv444p"))

    with av.open(str(target)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index in front


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_variable_frame_rate_is_kept(tmp_path, name):
    times = [Fraction(0), Fraction(1, 10), Fraction(1), Fraction(11, 10), Fraction(5, 2), Fraction(34, 10)]
    source = coloured(tmp_path, name, SCENES, times=times, audio=())

    target, _ = written(source)

    assert [time for time, _ in frames(target)] == pytest.approx([float(time) for time in times], abs=0.002)


def test_a_video_that_begins_late_begins_at_nought_with_sound_and_picture_in_step(tmp_path):
    source = coloured(tmp_path, "v.mkv", SCENES, start=Fraction(5))

    target, _ = written(source)

    first = frames(source)[0][0] - float(packets(source)[0][0])
    assert frames(target)[0][0] == pytest.approx(max(0.0, first), abs=0.03)
    assert frames(target)[0][0] - float(packets(target)[0][0]) == pytest.approx(first, abs=0.03)


@pytest.mark.parametrize(("degrees", "size"), [(90, (120, 160)), (180, (160, 120)), (270, (120, 160))])
def test_a_turned_video_is_written_upright_with_the_plate_on_top(tmp_path, degrees, size):
    flag = Image.new("RGB", (64, 64), COLOURS["red"])
    flag.paste(COLOURS["blue"], (0, 32, 64, 64))
    flag.save(tmp_path / "flag.png")
    from tools.make_video import write_video  # noqa: PLC0415

    source = tmp_path / "v.mp4"
    write_video(source, [(tmp_path / "flag.png", 0.5)], size=(160, 120), turn=degrees, zoom=False, options=FAST)
    turned(source, degrees)

    target, _ = written(source, [Segment(0, 1, "flag", 0.9)])

    _, picture = frames(target)[3]
    assert picture.shape == (size[1], size[0], 3)
    assert nearest(picture[size[1] // 3, size[0] - 10]) == "red"
    assert nearest(picture[size[1] - 10, size[0] // 2]) == "blue"
    assert has_plate(picture)


@pytest.mark.parametrize(("size", "even"), [((97, 63), (96, 62)), ((161, 120), (160, 120))])
def test_odd_sizes_become_even(tmp_path, size, even):
    source = coloured(tmp_path, "v.avi", SCENES, size=size, codec="mjpeg", pix_fmt="yuvj444p", options={})

    target, _ = written(source)

    assert frames(target)[0][1].shape == (even[1], even[0], 3)


def test_pixels_become_square(tmp_path):
    target, _ = written(coloured(tmp_path, "v.mp4", SCENES, sar=Fraction(2)))

    assert frames(target)[0][1].shape == (120, 320, 3)


def test_hdr_becomes_an_ordinary_video(tmp_path):
    source = coloured(
        tmp_path, "v.mp4", [("grey", 0.3)], pix_fmt="yuv420p10le", codec="libx265", colour=(9, 16, 9),
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
    )  # fmt: skip

    target, _ = written(source, [])

    with av.open(str(target)) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.color_trc, context.color_primaries) == ("yuv420p", 1, 1)


def test_the_label_does_not_leak_into_pictures_that_are_predicted_from_it(tmp_path):
    source = coloured(tmp_path, "v.mp4", [("grey", 2.0)], size=(320, 240), options=FAST | {"bf": "3", "g": "250"})

    target, _ = written(source, [Segment(0, 1, "label", 0.9), Segment(1, 2, None, 0)])

    assert {has_plate(picture) for time, picture in frames(target) if time >= 1} == {False}


def test_stop_leaves_nothing_behind(tmp_path):
    source = coloured(tmp_path, "v.mp4", [("red", 30.0)], audio=())
    stop = threading.Event()
    stop.set()

    with pytest.raises(Cancelled):
        list(annotate(source, tmp_path / "out.mp4", SEGMENTS, stop=stop))

    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path):
    source = coloured(tmp_path, "v.mp4", SCENES)

    with pytest.raises(CannotWrite, match="no more space"):
        list(annotate(source, tmp_path / "out.mp4", SEGMENTS, limits=Limits(output_bytes=5000)))

    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_a_file_that_is_no_video_leaves_an_older_result_alone(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"hello")
    (tmp_path / "out.mp4").write_bytes(b"the one of yesterday")

    with pytest.raises(NotAVideo):
        list(annotate(tmp_path / "v.mp4", tmp_path / "out.mp4", SEGMENTS))

    assert (tmp_path / "out.mp4").read_bytes() == b"the one of yesterday"


@pytest.fixture
def trap():
    """A server that must not be asked anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{address}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {file}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
    "<BaseURL>{address}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "image list": "{file}",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_reads_no_other_file_and_asks_no_address(tmp_path, trap, kind):
    secret = coloured(tmp_path, "secret.mp4", SCENES)
    port = trap.getsockname()[1]
    path = tmp_path / "v.mp4"
    path.write_text(PLAYLISTS[kind].format(address=f"http://127.0.0.1:{port}/x.ts", file=secret, port=port))

    with pytest.raises(NotAVideo):
        list(annotate(path, tmp_path / "out.mp4", SEGMENTS))

    with pytest.raises(TimeoutError):
        trap.accept()


def test_an_mp4_that_refers_to_another_file_does_not_get_it(tmp_path):
    # A data reference (ISO/IEC 14496-12, section 8.7.2) that is not the file itself, but an alias or an address.
    secret = coloured(tmp_path, "secret.mp4", SCENES, audio=())
    data = bytearray(secret.read_bytes())
    place = data.index(b"url \x00\x00\x00\x01")
    data[place + 4 : place + 8] = b"\x00\x00\x00\x00"  # no longer "in this file"
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)  # the pictures themselves are gone
    (tmp_path / "v.mp4").write_bytes(data)

    with pytest.raises((NotAVideo, CannotWrite)):
        list(annotate(tmp_path / "v.mp4", tmp_path / "out.mp4", SEGMENTS))
