"""What `streamlit run` serves: the app's script behind the guard (security headers, room for uploads)."""

from pathlib import Path

import streamlit as st
import streamlit.net_util
from starlette.middleware import Middleware

from sightserve.frontend.batch import sorted_zip
from sightserve.frontend.host import collector, housekeeping
from sightserve.frontend.host.access import Access
from sightserve.frontend.host.assets import Assets
from sightserve.frontend.host.guard import Guard
from sightserve.frontend.inbox import route, widget
from sightserve.frontend.photo import samples
from sightserve.frontend.shared.ledger import ledger
from sightserve.frontend.shared.metrics import metrics
from sightserve.frontend.shared.sessions import sessions
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.video import streaming
from sightserve.logs.lines import AccessLog

# To learn its own public address, Streamlit asks a stranger on the internet: at the start, and again whenever another site's
# page knocks, with everybody waiting for up to two seconds where the network lets nothing out. It is told not to.
streamlit.net_util.get_external_ip = lambda: None


def _tell(_error: Exception) -> bool:
    """Say that something of ours went wrong, without its insides; those are in the log, where Streamlit put them."""
    metrics().script_failures.inc()
    st.error(
        "**Something went wrong on this page.** Reload it and try again; your photo is fine.", icon=":material/error:"
    )
    return True


collector.start()
if settings().metrics_port:
    from sightserve.frontend.host import exposition  # who serves no metrics starts without what they look at

    exposition.serve(settings(), st.get_option("server.address"), sessions(), ledger())

app = st.App(
    Path(__file__).parents[1] / "app.py",
    lifespan=housekeeping.lifespan,
    routes=[streaming.ROUTE, route.ROUTE, sorted_zip.ROUTE],
    middleware=[
        Middleware(Access, log=AccessLog()),
        Middleware(Guard),
        Middleware(Assets, name="Sightserve", own={widget.script_name(): widget.script, **samples.served()}),
    ],
    on_script_error=_tell,
)
