"""Segments -> [WebVTT], for the untouched original (W3C WebVTT: https://www.w3.org/TR/webvtt1/)."""

from collections.abc import Sequence

from sightserve.video.timeline import Segment


def webvtt(segments: Sequence[Segment]) -> str:
    """Return the labels as subtitles: one cue for each segment that has any, with their mean probability."""
    cues = [
        f"{timestamp(segment.start)} --> {timestamp(segment.end)}\n{_said(segment)}\n"
        for segment in segments
        if segment.guesses and _milliseconds(segment.end) > _milliseconds(segment.start)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _said(segment: Segment) -> str:
    return "\n".join(f"{escaped(guess.label)} · {guess.probability:.0%}" for guess in segment.guesses)


def timestamp(seconds: float) -> str:
    """Return a WebVTT timestamp, hours always written: 00:01:02.345."""
    minutes, milliseconds = divmod(_milliseconds(seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def escaped(label: str) -> str:
    """Return a label as cue text: markup and line ends are none, and nothing in it passes for the arrow between two times."""
    text = " ".join(label.split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
