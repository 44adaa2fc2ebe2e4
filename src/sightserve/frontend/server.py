"""What `streamlit run` serves: the app's script behind the guard (security headers, bounded memory for uploads)."""

from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware

from sightserve.frontend.guard import Guard
from sightserve.frontend.settings import settings

# A stranger's photo never touches the disk: Starlette would spool each upload of more than a mebibyte into a file.
MultiPartParser.spool_max_size = settings().max_upload_bytes + 1

app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(Guard, settings=settings())])
