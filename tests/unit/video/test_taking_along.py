"""Subtitles and tables."""

import csv
import io
import json

import pytest

from sightserve.video.subtitles import timestamp, webvtt
from sightserve.video.tables import as_json, moments_csv, segments_csv
from sightserve.video.timeline import Guess, Moment, Segment


def test_each_segment_with_a_label_is_a_cue():
    found = [Segment(0, 1.5, "cat", 0.876), Segment(1.5, 2, None, 0.1), Segment(2, 3661.25, "dog", 0.5)]

    assert webvtt(found) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\ncat · 88%\n\n00:00:02.000 --> 01:01:01.250\ndog · 50%\n"
    )


def test_a_label_cannot_break_out_of_its_cue():
    text = webvtt([Segment(0, 1, "<b>a & b</b>\n\n00:00 --> 00:09\nWEBVTT", 1)])

    assert "&lt;b&gt;a &amp; b&lt;/b&gt; 00:00 --&gt; 00:09 WEBVTT · 100%" in text
    assert text.count("-->") == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (59.9996, "00:01:00.000"), (-0.1, "00:00:00.000"), (360000, "100:00:00.000")],
)
def test_timestamps_round_to_milliseconds_and_carry(seconds, text):
    assert timestamp(seconds) == text


def test_a_segment_that_rounds_to_nothing_is_no_cue():
    assert webvtt([Segment(1.0, 1.0001, "cat", 1)]) == "WEBVTT\n"


def test_the_tables_have_every_segment_and_every_guess_and_no_formulas():
    seen = [Moment(0.0, (Guess("=cmd()", 0.5), Guess("b", 0.25))), Moment(0.25, ())]
    found = [Segment(0, 0.5, "=cmd()", 0.5), Segment(0.5, 1, None, 0.1)]

    segments, raw = (list(csv.DictReader(io.StringIO(text))) for text in (segments_csv(found), moments_csv(seen)))

    assert [row["label"] for row in segments] == ["'=cmd()", ""]
    assert [(row["time_s"], row["rank"], row["label"]) for row in raw] == [
        ("0.000", "1", "'=cmd()"),
        ("0.000", "2", "b"),
    ]
    body = json.loads(as_json(seen, found, {"video": "x"}))
    assert body["segments"][1]["label"] is None
    assert body["moments"][0]["top"][0] == {"label": "=cmd()", "probability": 0.5}


def test_labels_that_hold_at_once_have_a_line_and_a_row_each():
    found = [Segment(0, 1, "sky, water", 0.6, (Guess("sky", 0.9), Guess("water", 0.6)))]

    assert webvtt(found) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsky · 90%\nwater · 60%\n"
    assert segments_csv(found).splitlines()[1:] == ["0.000,1.000,sky,0.9000", "0.000,1.000,water,0.6000"]
    rows = json.loads(as_json([], found, {}))["segments"]
    assert [(row["label"], row["mean_probability"]) for row in rows] == [("sky", 0.9), ("water", 0.6)]
