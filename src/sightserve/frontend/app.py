"""The web app's entry point: `streamlit run` executes this file anew for every interaction."""

import streamlit as st

from sightserve.frontend.pages import photo

st.set_page_config(page_title="Sightserve", page_icon="🔎", layout="wide")

st.navigation([st.Page(photo.page, title="Photo", icon=":material/photo_camera:", default=True)]).run()
