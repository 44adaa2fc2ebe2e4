"""The web app's script: Streamlit runs it anew for every interaction, in a thread of the session's own."""

import streamlit as st

from sightserve.client import BackendNotFound
from sightserve.frontend.about import page as about
from sightserve.frontend.batch import page as batch
from sightserve.frontend.photo import page as photo
from sightserve.frontend.shared import backend, lost, pages, style
from sightserve.frontend.shared.sessions import session_id, sessions
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.teach import page as teach
from sightserve.frontend.video import page as video

_MADE = {"batch", "labelling", "taught"}  # what a reload of the page would lose

sessions().here(session_id())

known = {
    "photo": st.Page(photo.page, title="Photo", default=True),
    "batch": st.Page(batch.page, title="Batch", url_path="batch"),
    "video": st.Page(video.page, title="Video", url_path="video"),
    **({"teach": st.Page(teach.page, title="Teach", url_path="teach")} if settings().teach else {}),
    "about": st.Page(about.page, title="About", url_path="about"),
}
page = st.navigation(list(known.values()), position="hidden")
pages.are(known)
with backend.one_look():
    try:
        with st.spinner("Looking for the classifier ...", show_time=True):
            backend.wake()
    except BackendNotFound as error:
        style.apply(page.title)
        lost.draw(error)
    else:
        style.apply(page.title, backend.product(), unsaved=not _MADE.isdisjoint(st.session_state))
        page.run()
