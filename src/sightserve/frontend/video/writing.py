"""The Video page's labelled video in the making: the button that starts it, how far it is, and why it failed."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.frontend.video.labelling import Labelling
from sightserve.frontend.video.work import Export, State
from sightserve.video.analyse import Seen
from sightserve.video.limits import Limits
from sightserve.video.timeline import Segment

_LOOK_EVERY: Final = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a labelled video is made from."""

    labelling: Labelling
    seen: Seen
    segments: list[Segment]
    limits: Limits

    @property
    def export(self) -> Export | None:
        """What was made of this video last, or is being made."""
        return self.labelling.export

    @property
    def is_done(self) -> bool:
        """Whether there is the labelled video, with these very labels."""
        return self.export is not None and self.export.state is State.DONE and self.export.segments == self.segments

    def start(self) -> None:
        """Have it made."""
        self.labelling.write(self.segments, self.limits)


def button(wanted: Wanted, label: str = "Make the labelled video") -> None:
    """Draw what has it made, unless it is under way."""
    if (wanted.export is None or wanted.export.is_over) and st.button(
        label, type="primary", icon=":material/movie_edit:", key="make-video"
    ):
        wanted.start()
        st.rerun(scope="fragment")


def state(wanted: Wanted) -> None:
    """Draw how far it is, or why it failed."""
    if wanted.export is not None and not wanted.export.is_over:
        _progress()
    elif wanted.export is not None and wanted.export.problem is not None:
        st.error(f"**{wanted.export.problem.what}** {wanted.export.problem.do}", icon=":material/error:")


@st.fragment(run_every=_LOOK_EVERY)
def _progress() -> None:
    """Draw how far it is; this part of the page looks again by itself."""
    labelling: Labelling | None = st.session_state.get("labelling")
    export: Export | None = None if labelling is None else labelling.export
    if labelling is None or export is None or export.is_over:
        st.rerun()
    seen = labelling.look()
    end = seen.end if seen is not None else 0.0
    st.progress(min(1.0, export.time / end) if end else 0.0, _words(labelling, export, end))
    if st.button("Cancel", icon=":material/close:", key="cancel-export"):
        export.stop.set()


def _words(labelling: Labelling, export: Export, end: float) -> str:
    if export.state is State.WAITING:
        return "**Writing the labelled video:** waiting for its turn ..."
    said = f"**Writing the labelled video:** {words.clock(export.time)} of {words.clock(end)}"
    left = labelling.writing_left(export)
    return said if left is None else f"{said} · {words.duration(left)} left"
