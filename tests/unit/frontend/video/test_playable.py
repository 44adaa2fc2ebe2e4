"""What a browser is asked about a video."""

import pytest

from sightserve.frontend.video.playable import kind
from sightserve.video.facts import Facts


@pytest.mark.parametrize(
    ("container", "codec", "audio", "suffix", "expected"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "h264", ("aac",), ".mp4", 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"'),
        ("mov,mp4,m4a,3gp,3g2,mj2", "hevc", (), ".mov", 'video/mp4; codecs="hvc1.1.6.L93.B0"'),
        ("matroska,webm", "vp9", ("opus",), ".webm", 'video/webm; codecs="vp09.00.10.08, opus"'),
        ("mov,mp4,m4a,3gp,3g2,mj2", "prores", ("aac",), ".mov", "video/mp4"),  # Safari plays it: the browser tries
        ("mov,mp4,m4a,3gp,3g2,mj2", "h264", ("pcm_s16le",), ".mov", None),  # it would play without a sound
        ("matroska,webm", "h264", ("aac",), ".mkv", None),
        ("avi", "h264", (), ".avi", None),
    ],
)
def test_a_browser_is_asked_about_the_codecs(container, codec, audio, suffix, expected):
    facts = Facts(1280, 720, 1.0, 25.0, container, codec, audio, hdr=False)

    assert kind(facts, suffix) == expected
