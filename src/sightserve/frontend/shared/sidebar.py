"""The sidebar: the settings that a person may change; they are in the address too, so that a link shows the same."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.frontend.shared.backend import MOST_LABELS
from sightserve.frontend.shared.settings import settings

_LABELS: Final = 5


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person set.

    Attributes:
        top_k: how many labels to show, 1 to MOST_LABELS.
        threshold: the probability below which an answer counts as not sure, 0 to 1.
    """

    top_k: int = _LABELS
    threshold: float = words.DEFAULT_THRESHOLD


def choices() -> Choices:
    """Draw the settings and return them."""
    with st.sidebar:
        st.header("Settings", anchor=False)
        top_k = st.slider("Labels to show", 1, MOST_LABELS, _LABELS, key="labels", bind="query-params")
        threshold = st.slider(
            "Say “not sure” below",
            min_value=0,
            max_value=95,
            value=round(100 * words.DEFAULT_THRESHOLD),
            step=5,
            format="%d%%",
            key="unsure",
            bind="query-params",
            help="When no label is at least this probable, the answer is marked as a guess.",
        )
        st.caption(
            "Photos are sent to the classifier and kept in memory while this page is open, never on a disk."
            f" {settings().gone_after} after it was closed, nothing of them is left here."
            f" Up to {settings().max_upload_mb} MB each."
        )
    return Choices(top_k, threshold / 100)
