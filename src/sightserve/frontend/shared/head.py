"""The head of every page: what it is, in a sentence what it does, and the settings, which are in the address too."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from sightserve.api.rows import APPLIES
from sightserve.api.schema import FeedbackInfo
from sightserve.frontend.shared import backend, words
from sightserve.frontend.shared.backend import MOST_LABELS
from sightserve.frontend.shared.settings import settings

_LABELS: Final = 5
_HIGHEST: Final = 95  # per cent


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person set.

    Attributes:
        top_k: how many labels to show, 1 to MOST_LABELS.
        threshold: the probability below which an answer counts as not sure, or a label does not apply, 0 to 1.
        at_once: whether a photo is classified as soon as it is there.
        original: whether photos are sent as they are, instead of made smaller in the browser.
    """

    top_k: int = _LABELS
    threshold: float = words.DEFAULT_THRESHOLD
    at_once: bool = True
    original: bool = False


def draw(title: str, sentence: str = "") -> Choices:
    """Draw the head, and return what is set."""
    with st.container(key="head", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(words.plain(title), anchor=False, width="content")
        with st.popover("Settings", icon=":material/settings:", width="content"):
            chosen = _settings()
    if sentence:
        st.markdown(words.plain(sentence))
    return chosen


def _settings() -> Choices:
    facts = backend.known_facts()
    most = MOST_LABELS if facts is None else min(MOST_LABELS, facts.model.classes)
    usual = min(_LABELS, most)
    fit("labels", 1, most, usual)
    top_k = st.slider("Labels to show", 1, most, usual, key="labels", bind="query-params")
    if facts is not None and facts.model.outputs == "independent":
        threshold = _applies()
    else:
        threshold = _unsure(MOST_LABELS if facts is None else facts.model.classes)
    at_once = st.toggle("Answer as soon as a photo is there", value=True, key="at-once")
    original = st.toggle(
        "Send photos as they are",
        key="original",
        help="Large photos are made smaller before they are sent, which the classifier does anyway: minutes become seconds"
        " where the line is slow.",
    )
    st.caption(
        "Photos are sent to the classifier and kept in memory while this page is open, never on a disk."
        f" {settings().gone_after} after it was closed, nothing of them is left here."
        f" Up to {settings().max_upload_mb} MB each.{_kept(None if facts is None else facts.service.feedback)}"
    )
    return Choices(top_k, threshold / 100, at_once, original)


def _kept(feedback: FeedbackInfo | None) -> str:
    """Return what the classifier keeps of answers, where it does."""
    if feedback is None:
        return ""
    photos = "; a photo only where somebody gives it with a correction" if feedback.photos else ", but no photos"
    return f" The classifier keeps its answers for {words.counted(feedback.days, 'day')}{photos}."


def fit(key: str, lowest: int, highest: int, usual: int) -> None:
    """Forget a slider's setting that the model that answers now has no room for, and one that nobody chose."""
    chosen, before = st.session_state.get(key), st.session_state.get(f"{key}-usual", usual)
    if chosen is not None and (not lowest <= chosen <= highest or (chosen == before and chosen != usual)):
        del st.session_state[key]
    st.session_state[f"{key}-usual"] = usual


def _unsure(classes: int) -> int:
    lowest, usual = words.least(classes), words.default_threshold(classes)
    fit("unsure", lowest, _HIGHEST, usual)
    chosen: int = st.slider(
        "Say “not sure” below",
        min_value=lowest,
        max_value=_HIGHEST,
        value=usual,
        step=5,
        format="%d%%",
        key="unsure",
        bind="query-params",
        help="When no label is at least this probable, the answer is marked as a guess.",
    )
    return chosen


def _applies() -> int:
    chosen: int = st.slider(
        "A label applies from",
        min_value=5,
        max_value=_HIGHEST,
        value=round(100 * APPLIES),
        step=5,
        format="%d%%",
        key="applies",
        bind="query-params",
        help="This model's labels stand each for itself: a photo has all that are at least this probable, or none.",
    )
    return chosen
