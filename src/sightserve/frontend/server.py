"""What `streamlit run` serves: the app's script behind the guard (security headers, bounded memory for uploads)."""

import logging
import warnings
from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware

from sightserve.frontend import served
from sightserve.frontend.guard import Guard
from sightserve.frontend.settings import settings

# A stranger's photo never touches the disk: Starlette would spool each upload of more than a mebibyte into a file.
# Videos above the limit of a photo do: they are handed to another process as a file anyway.
MultiPartParser.spool_max_size = settings().max_upload_bytes + 1

# Pillow warns of oddities in a file and of sizes that `preview` checks itself: a stranger's photo is no news for the log.
warnings.filterwarnings("ignore", module="PIL")


def _tell(error: Exception) -> bool:
    """Say that something of ours went wrong, without its insides; those are for the log."""
    logging.getLogger(__name__).error("the page failed", exc_info=error)
    st.error(
        "**Something went wrong on this page.** Reload it and try again; your photo is fine.", icon=":material/error:"
    )
    return True


app = st.App(
    Path(__file__).with_name("app.py"),
    routes=[served.ROUTE],
    middleware=[Middleware(Guard, settings=settings())],
    on_script_error=_tell,
)
