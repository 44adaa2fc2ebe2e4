"""Try it at once: a photo, and what the new model says of it, from a process of its own: what the app serves stays."""

import hashlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st
from pydantic import BaseModel, ValidationError

from sightserve.api.schema import RankedLabel
from sightserve.frontend.inbox import widget
from sightserve.frontend.inbox.store import inbox
from sightserve.frontend.inbox.widget import NOTHING, Came, Texts
from sightserve.frontend.shared import bars, words
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.words import Message
from sightserve.frontend.teach.told import Told
from sightserve.frontend.teach.training import Trained

_log = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-P", "-m", "sightserve", "classify")
PLACE: Final = "try"
_SECONDS: Final = 60.0
_MOST_SHOWN: Final = 10
_FAILED: Final = Message("The new model did not answer.", "Try once more, or another photo.")


class _Line(BaseModel):
    """What the command says of a photo."""

    top_k: tuple[RankedLabel, ...] = ()
    error: dict[str, str] | None = None


def ask(directory: Path, photo: bytes, command: Sequence[str] = COMMAND) -> Sequence[RankedLabel] | Message:
    """Return what a model says of a photo, most probable first; or why it says nothing.

    Args:
        directory: of the model.
        photo: encoded.
        command: that asks it.
    """
    try:
        answered = subprocess.run(  # noqa: S603 - no shell, and every word is ours
            [*command, "--model", str(directory), "--json", "-"],
            input=photo,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        line = _Line.model_validate_json(answered.stdout)
    except (OSError, subprocess.TimeoutExpired, ValidationError) as error:
        _log.warning("a new model was not asked: %s", error)
        return _FAILED
    if line.error is not None:
        return words.of_code(line.error.get("code", ""))
    return line.top_k or _FAILED


def draw(trained: Trained, told: Told | None) -> None:
    """Draw the place for a photo, and what the model says of it."""
    pick = inbox().pick(PLACE)
    files = pick.files() if pick is not None and pick.is_whole else []
    left, right = st.columns(2, gap="large")
    with left, st.container(key="box-try"):
        texts = Texts(
            invite="Choose a photo", how="or drop or paste one here", limits="One that it has not learned from",
            choose="Another photo" if files else "Choose a photo", unseen="Your browser cannot show this photo.",
        )  # fmt: skip
        widget.draw(
            PLACE, texts, kinds=["photo"], most=1, camera=True, pick=pick.number if pick is not None and files else 0,
            on_came=_came, on_removed=lambda: inbox().clear(PLACE),
        )  # fmt: skip
    with right, st.container(key="tried"):
        came: Came = st.session_state.get("try-came", NOTHING)
        for refusal in came.refused:
            st.error(f"**{words.plain(refusal.name)}**: {widget.explain(refusal, PLACE)}", icon=":material/error:")
        if files:
            _answer(trained, told, files[0].data)
        elif not came.refused:
            st.markdown("Its answer comes here. Your other pages go on with the classifier that they have.")


def _answer(trained: Trained, told: Told | None, photo: bytes) -> None:
    key = hashlib.sha256(photo + json.dumps(trained.report, sort_keys=True, default=str).encode()).hexdigest()
    kept: tuple[str, Sequence[RankedLabel] | Message] | None = st.session_state.get("tried")
    if kept is None or kept[0] != key:
        with st.spinner("Looking at the photo ..."), _turn():
            kept = st.session_state["tried"] = key, ask(trained.directory, photo)
    said = kept[1]
    if isinstance(said, Message):
        st.error(f"**{said.what}** {said.do}", icon=":material/error:")
        return
    first = said[0]
    nothing = told is not None and told.least_probability is not None and first.probability < told.least_probability
    st.subheader("None of these" if nothing else words.plain(first.label), anchor=False)
    bars.ranking(said[:_MOST_SHOWN], answer=0 if nothing else 1)


@st.cache_resource(show_spinner=False)
def _turn() -> threading.Semaphore:
    """Bounds how many such processes there are at once."""
    return threading.Semaphore(max(1, settings().parallel // 2))


def _came() -> None:
    st.session_state["try-came"] = widget.came(PLACE)
