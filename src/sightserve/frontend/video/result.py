"""The Video page's result: the player with the labels, the chart and the table that seek in it, and what to take along."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.frontend.video import chart, streaming
from sightserve.frontend.video.labelling import Export, Labelling, State
from sightserve.frontend.video.player import player
from sightserve.video import subtitles, tables, timeline
from sightserve.video.analyse import Seen
from sightserve.video.limits import Limits
from sightserve.video.timeline import Segment

_LOOK_EVERY: Final = 0.5  # seconds
_BEFORE: Final = 0.05  # seconds into a segment that a press on it goes: on its very edge a player shows the one before
# Container and codecs that browsers play; what is not here is shown as the labelled video.
_PLAYABLE_CODECS: Final = {"mov": {"h264", "vp9", "av1", "libdav1d"}, "matroska": {"vp8", "vp9", "av1", "libdav1d"}}
_PLAYABLE_AUDIO: Final = {"mov": {"aac", "mp3", "mp3float", "opus", "flac"}, "matroska": {"opus", "vorbis"}}


def plays_in_browsers(seen: Seen, suffix: str) -> bool:
    """Return whether browsers play the original as it is."""
    family = seen.facts.container.split(",")[0]
    if family == "matroska" and suffix != ".webm":
        return False
    return seen.facts.codec in _PLAYABLE_CODECS.get(family, set()) and set(seen.facts.audio) <= _PLAYABLE_AUDIO.get(
        family, set()
    )


@st.fragment
def draw(labelling: Labelling, limits: Limits, threshold: Callable[[], float], *, smoothing: float) -> None:
    """Draw everything about a video that was read."""
    seen = labelling.look()
    if seen is None:
        return
    screen, side = st.columns([3, 2], gap="large")
    with side:
        least = threshold()
    segments = timeline.segments(seen.moments, seen.end, smoothing=smoothing, threshold=least)
    with screen:
        _screen(labelling, seen, segments)
    with side:
        st.header(words.counted(len(segments), "segment"), anchor=False)
        st.caption("Choose one to see it.")
        chart.segments_table(segments, key="segments", on_press=lambda: _seek_segment(segments))
    st.header("Over time", anchor=False)
    st.caption("Press a moment to see it.")
    chart.draw(seen.moments, segments, seen.end, key="moments", on_press=_seek_moment)
    _downloads(labelling, seen, segments, limits, key=(least, smoothing))


def _screen(labelling: Labelling, seen: Seen, segments: Sequence[Segment]) -> None:
    seek: tuple[int, float] | None = st.session_state.get("seek")
    alt = f"The video {labelling.name} with its labels as subtitles"
    if plays_in_browsers(seen, labelling.source.suffix):
        with st.container(key="screen"):
            player(streaming.address(labelling.secret, labelling.name), subtitles.webvtt(segments), alt=alt, seek=seek)
    elif labelling.export is not None and labelling.export.state is State.DONE:
        with st.container(key="screen"):
            player(streaming.address(labelling.export.secret, "labelled.mp4"), "", alt=alt, seek=seek)
    else:
        kind = labelling.source.suffix.removeprefix(".").upper()
        st.info(
            f"**Browsers do not play this kind of video** ({kind}, {seen.facts.codec}). Make the labelled video below: that one"
            " plays everywhere, here too.",
            icon=":material/videocam_off:",
        )


def _seek(time: float) -> None:
    number = st.session_state.get("seek", (0, 0.0))[0] + 1
    st.session_state["seek"] = (number, time)


def _seek_segment(segments: Sequence[Segment]) -> None:
    rows = st.session_state["segments"]["selection"]["rows"]
    if rows and rows[0] < len(segments):
        segment = segments[rows[0]]
        _seek(min(segment.start + _BEFORE, (segment.start + segment.end) / 2))


def _seek_moment() -> None:
    chosen = st.session_state["moments"]["selection"].get("moment", [])
    if chosen and isinstance(time := chosen[0].get("time"), int | float):
        _seek(float(time))


def _downloads(labelling: Labelling, seen: Seen, segments: list[Segment], limits: Limits, key: object) -> None:
    st.header("Take it along", anchor=False)
    stem = PurePosixPath(labelling.name).stem
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _labelled(labelling, segments, limits, key, stem)
        st.download_button(
            "Subtitles", subtitles.webvtt(segments), f"{stem}.vtt", "text/vtt", on_click="ignore",
            icon=":material/subtitles:", key="video-vtt",
        )  # fmt: skip
        st.download_button(
            "Segments (CSV)", tables.segments_csv(segments), f"{stem}.csv", "text/csv", on_click="ignore",
            icon=":material/download:", key="video-csv",
        )  # fmt: skip
        st.download_button(
            "Every frame (CSV)", lambda: tables.moments_csv(seen.moments), f"{stem}-frames.csv", "text/csv",
            on_click="ignore", icon=":material/download:", key="video-frames",
        )  # fmt: skip
    export = labelling.export
    if export is not None and not export.is_over:
        _writing()
    elif export is not None and export.problem is not None:
        st.error(f"**{export.problem.what}** {export.problem.do}", icon=":material/error:")
    elif export is not None and export.state is State.DONE and any("anew" in entry for entry in export.audio):
        st.caption("Its sound was encoded anew as AAC: browsers do not play the original's.")


def _labelled(labelling: Labelling, segments: list[Segment], limits: Limits, key: object, stem: str) -> None:
    export = labelling.export
    if export is not None and export.state is State.DONE and export.key == key:
        st.link_button(
            f"Labelled video (MP4, {words.size(export.size)})",
            streaming.address(export.secret, f"{stem}-labelled.mp4", download=True),
            type="primary",
            icon=":material/download:",
        )
    elif (export is None or export.is_over) and st.button(
        "Make the labelled video", type="primary", icon=":material/movie_edit:", key="make-video"
    ):
        labelling.write(segments, key, limits)
        st.rerun(scope="fragment")


@st.fragment(run_every=_LOOK_EVERY)
def _writing() -> None:
    """Draw how far the labelled video is; this part of the page looks again by itself."""
    labelling: Labelling | None = st.session_state.get("labelling")
    export: Export | None = None if labelling is None else labelling.export
    if labelling is None or export is None or export.is_over:
        st.rerun()
    seen = labelling.look()
    end = seen.end if seen is not None else 0.0
    words_ = (
        "Waiting for its turn ..."
        if export.state is State.WAITING
        else f"{words.clock(export.time)} of {words.clock(end)}"
    )
    st.progress(min(1.0, export.time / end) if end else 0.0, f"**Writing the labelled video:** {words_}")
    if st.button("Cancel", icon=":material/close:", key="cancel-export"):
        export.stop.set()
