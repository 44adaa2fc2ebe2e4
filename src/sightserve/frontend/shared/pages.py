"""The pages as links lead to them; the app's script says which there are, and a page that is run by itself has none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage


# By name. Not the pages' own icons: those become the tab's mark, and a browser would fetch it from a stranger.
ICONS: Final = {
    "photo": ":material/photo_camera:",
    "batch": ":material/photo_library:",
    "video": ":material/movie:",
    "teach": ":material/auto_awesome:",
    "about": ":material/info:",
}


def are(pages: "Mapping[str, StreamlitPage]") -> None:
    """Take note of the pages, by name."""
    st.session_state["pages"] = pages


def link(name: str, label: str = "") -> None:
    """Draw a link to a page, with the page's name and icon where no other label is given."""
    pages: Mapping[str, StreamlitPage] = st.session_state.get("pages", {})
    if name in pages:
        st.page_link(pages[name], label=label or None, icon=":material/arrow_forward:" if label else ICONS[name])
