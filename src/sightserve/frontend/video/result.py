"""The Video page's result: the player with the labels, the chart and the table that seek in it, and what to take along."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.frontend.video import chart, playable, segments, streaming, writing
from sightserve.frontend.video.labelling import Labelling
from sightserve.frontend.video.player import Film, player
from sightserve.frontend.video.work import State
from sightserve.frontend.video.writing import Wanted
from sightserve.video import subtitles, tables, timeline
from sightserve.video.analyse import Seen
from sightserve.video.limits import Limits

_NEXT: Final = 0.02  # seconds behind a moment: on its very edge a player shows the frame before


@st.fragment
def draw(labelling: Labelling, limits: Limits, threshold: Callable[[], float], *, smoothing: float) -> None:
    """Draw everything about a video that was read."""
    seen = labelling.look()
    if seen is None:
        return
    with st.container(key="video-seen"):
        screen, side = st.columns([3, 2], gap="large")
    with side:
        least = threshold()
    found = timeline.segments(seen.moments, seen.end, smoothing=smoothing, threshold=least, exclusive=seen.exclusive)
    wanted = Wanted(labelling, seen, found, limits)
    is_played = _is_played(labelling, seen)
    with screen:
        plays = _screen(wanted, is_played=is_played)
    with side:
        _heading(words.counted(len(found), "segment"), "Press one to see it." if plays else "")
        segments.draw(found, chart.colours(chart.frequent(seen.moments, found)))
    _heading("Over time", "Press a moment to see it." if plays else "")
    chart.draw(seen.moments, found, seen.end, key="moments", on_press=_seek_moment)
    _downloads(wanted, with_maker=is_played)


# Codecs as people know them, where FFmpeg's name is another one.
_NAMES: Final = {"hevc": "HEVC", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2", "mpeg1video": "MPEG-1", "h264": "H.264"}


def _is_played(labelling: Labelling, seen: Seen) -> bool:
    """Return whether the original plays here, as far as it is known: a browser tries, and then says so."""
    return not labelling.is_unplayable and playable.kind(seen.facts, labelling.source.suffix) is not None


def _heading(title: str, hint: str) -> None:
    with st.container(gap=None):
        st.header(title, anchor=False)
        if hint:
            st.caption(hint)


def _screen(wanted: Wanted, *, is_played: bool) -> bool:
    """Draw the player; where the original does not play, the labelled video takes its place, and is made for that.

    Return whether something plays.
    """
    labelling, seen = wanted.labelling, wanted.seen
    export = labelling.export
    alt = f"The video {labelling.name} with its labels as subtitles"
    size = (seen.facts.width, seen.facts.height)
    if is_played:
        kind = playable.kind(seen.facts, labelling.source.suffix) or ""
        source = streaming.address(labelling.secret, labelling.name)
        _play(Film(source, subtitles.webvtt(wanted.segments), alt, size, kind), labelling)
        return True
    if export is None and labelling.work.state is State.DONE:
        wanted.start()
        export = labelling.export
    if export is not None and export.state is State.DONE:
        _play(Film(streaming.address(export.secret, "labelled.mp4"), "", alt, size), labelling)
        if not wanted.is_done:
            st.caption("It shows the labels from before the threshold was moved.")
            writing.button(wanted, "Make it anew")
        return True
    with st.container(key="no-screen", border=True):
        codec = _NAMES.get(seen.facts.codec, seen.facts.codec)
        st.markdown(
            f"**Your browser does not play this kind of video** ({labelling.source.suffix[1:].upper()}, {codec})."
        )
        if export is not None and not export.is_over:
            st.markdown(
                "The labelled video is being made, and plays here as soon as it is done: that one plays everywhere."
            )
        else:
            st.markdown("The labelled video plays everywhere, here too.")
        writing.state(wanted)
        writing.button(wanted)
    return False


def _play(film: Film, labelling: Labelling) -> None:
    def failed() -> None:
        labelling.is_unplayable = True

    with st.container(key="screen"):
        player(film, seek=st.session_state.get("seek"), on_failed=failed)


def _seek(time: float) -> None:
    number = st.session_state.get("seek", (0, 0.0))[0] + 1
    st.session_state["seek"] = (number, time)


def _seek_moment() -> None:
    chosen = st.session_state["moments"]["selection"].get("moment", [])
    if chosen and isinstance(time := chosen[0].get("time"), int | float):
        _seek(float(time) + _NEXT)


def _downloads(wanted: Wanted, *, with_maker: bool) -> None:
    st.header("Take it along", anchor=False)
    labelling, export = wanted.labelling, wanted.labelling.export
    stem = PurePosixPath(labelling.name).stem
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if export is not None and wanted.is_done:
            st.link_button(
                f"Labelled video (MP4, {words.size(export.size)})",
                streaming.address(export.secret, f"{stem}-labelled.mp4", download=True),
                type="primary",
                icon=":material/download:",
            )
        elif with_maker:
            writing.button(wanted)
        st.download_button(
            "Subtitles", subtitles.webvtt(wanted.segments), f"{stem}.vtt", "text/vtt", on_click="ignore",
            icon=":material/subtitles:", key="video-vtt",
        )  # fmt: skip
        st.download_button(
            "Segments (CSV)", tables.segments_csv(wanted.segments), f"{stem}.csv", "text/csv", on_click="ignore",
            icon=":material/download:", key="video-csv",
        )  # fmt: skip
        st.download_button(
            "Every frame (CSV)", lambda: tables.moments_csv(wanted.seen.moments), f"{stem}-frames.csv", "text/csv",
            on_click="ignore", icon=":material/download:", key="video-frames",
        )  # fmt: skip
    if with_maker:
        writing.state(wanted)
    if export is not None and export.state is State.DONE and any("anew" in entry for entry in export.audio):
        st.caption("Its sound was encoded anew as AAC: browsers do not play the original's.")
