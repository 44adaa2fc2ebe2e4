"""The Video page's one setting of what is shown: from which probability on."""

from typing import Final

import streamlit as st

from sightserve.frontend.shared import backend, head, words
from sightserve.video.timeline import default_threshold

_HIGHEST: Final = 95  # per cent
_ONE: Final = (
    "Where no label is at least this probable for a while, none is shown. It is lower than for a photo: a label that holds on"
    " over many frames is no accident."
)
_SEVERAL: Final = (
    "This model's labels stand each for itself: all are shown that are at least this probable for a while."
)


def threshold() -> float:
    """Draw the setting and return it, 0 to 1."""
    facts = backend.known_facts()
    classes = backend.MOST_LABELS if facts is None else facts.model.classes
    exclusive = facts is None or facts.model.outputs == "exclusive"
    usual = 5 * round(20 * default_threshold(classes, exclusive=exclusive))
    lowest = max(5, words.least(classes)) if exclusive else 5
    key = "video-threshold" if exclusive else "video-applies"
    head.fit(key, lowest, _HIGHEST, usual)
    percent: int = st.slider(
        "Show a label from", lowest, _HIGHEST, usual, 5, format="%d%%", key=key, help=_ONE if exclusive else _SEVERAL
    )
    return percent / 100
