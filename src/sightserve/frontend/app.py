"""The web app's script: Streamlit runs it anew for every interaction, in a thread of the session's own."""

import streamlit as st

from sightserve.client import BackendNotFound
from sightserve.frontend.about import page as about
from sightserve.frontend.batch import page as batch
from sightserve.frontend.photo import page as photo
from sightserve.frontend.shared import backend, lost, style
from sightserve.frontend.shared.sessions import session_id, sessions
from sightserve.frontend.video import page as video

sessions().here(session_id())
style.apply()

page = st.navigation(
    [
        st.Page(photo.page, title="Photo", icon=":material/photo_camera:", default=True),
        st.Page(batch.page, title="Batch", icon=":material/photo_library:", url_path="batch"),
        st.Page(video.page, title="Video", icon=":material/movie:", url_path="video"),
        st.Page(about.page, title="About", icon=":material/info:", url_path="about"),
    ],
    position="top",
)
with backend.one_look():
    try:
        with st.spinner("Looking for the classifier ...", show_time=True):
            backend.wake()
    except BackendNotFound as error:
        lost.draw(error)
    else:
        page.run()
