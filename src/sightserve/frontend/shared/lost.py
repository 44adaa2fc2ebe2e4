"""What stands in for every page when the backend is nowhere: what was tried, and what to set. It goes on by itself."""

import re
from typing import Final

import streamlit as st

from sightserve.client import BackendNotFound
from sightserve.frontend.shared import backend, words

_LOOK_EVERY: Final = 10.0  # seconds; what is looked for is a change that a person makes


def draw(error: BackendNotFound) -> None:
    """Draw the page."""
    st.title("The classifier was not found", anchor=False)
    problem = words.explain(error)
    st.error(f"**{problem.what}** {problem.do}", icon=":material/cloud_off:")
    st.header("If you run this app yourself", anchor=False)
    st.markdown("It was looked for in these places, in this order:")
    for number, attempt in enumerate(error.attempts, start=1):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{number}. {_plain(attempt.where)}**")
            st.markdown(_plain(attempt.outcome))
            st.markdown(f":material/build: {_plain(attempt.do)}")
    st.caption(
        "All places, what each needs, and how requests are let in: docs/deploy.md. After a change of the environment, start"
        " the app again; everything else is noticed by itself."
    )
    st.button("Look again", icon=":material/refresh:", key="look-again")
    _watch()


def _plain(text: str) -> str:
    """Return the text as it is; an address is no link, since it is this server's and not the reader's."""
    parts = re.split(r"(https?://[^\s`]*[^\s`.,])", text)
    return "".join(f"`{part}`" if number % 2 else words.plain(part) for number, part in enumerate(parts))


@st.fragment(run_every=_LOOK_EVERY)
def _watch() -> None:
    """Look again now and then, and show the page that was asked for as soon as the backend is there."""
    if st.session_state.pop("lost_once", False):  # not in the run that has just looked
        try:
            backend.whereabouts()
        except BackendNotFound:
            pass
        else:
            st.rerun()
    st.session_state["lost_once"] = True
