"""Have the app's pages ask the new model: the backend loads it, where it takes that, or a line says how."""

import shlex

import streamlit as st

from sightserve.client import ClientError
from sightserve.frontend.shared import backend, pages, words
from sightserve.frontend.teach.training import Trained


def draw(trained: Trained) -> None:
    """Draw the button, or the line."""
    facts = backend.known_facts()
    if facts is None or "reload" not in facts.service.links:
        st.markdown("To have all pages and the API ask it, start the app with it:")
        st.code(f"sightserve up --model {shlex.quote(trained.name)}", language="bash")
        return
    pressed = st.button("Use it on all pages", icon=":material/check:", key="use-it")
    st.caption("The Photo, Batch and Video pages and the API ask it from then on, until the app is started anew.")
    if pressed:
        _use(trained)
    if st.session_state.get("in-use") == _version(trained):
        st.success("**It is in use:** the Photo page asks it now.", icon=":material/check_circle:")
        pages.link("photo", "To the Photo page")


def _use(trained: Trained) -> None:
    try:
        place = backend.whereabouts()
        with st.spinner("The classifier loads it ..."):
            backend.client(place.url, place.identified).reload(trained.name)
        backend.look_again(place)
    except ClientError as error:
        problem = backend.explain(error)
        st.error(f"**It is not in use.** {problem.what} {words.plain(str(error))}", icon=":material/error:")
        return
    st.session_state["in-use"] = _version(trained)


def _version(trained: Trained) -> tuple[str, int]:
    return trained.name, id(trained.report)
