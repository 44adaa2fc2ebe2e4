"""What we rely on inside Streamlit beyond its documentation (docs/decisions/internals.md), in real servers."""

import json
import socketserver
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import websocket
from tests.fake_backend import fake_backend
from tests.web_app import MIB, photos, running_app, running_probe, until, visitor

import sightserve

pytestmark = pytest.mark.slow  # each starts an app of its own, and waits for sessions to end

APP = Path(sightserve.__file__).parent / "frontend" / "app.py"
PLAIN = """
import streamlit as st
app = st.App("script.py")
"""
# What the web app is served with, around another script.
HOSTED = """
import functools
import streamlit as st
from sightserve.frontend.host import collector
collector.start = functools.partial(collector.start, every=0.2, thaw_after=0.5)
from sightserve.frontend.host import housekeeping, server
app = st.App(
    "script.py",
    routes=[server.streaming.ROUTE, server.route.ROUTE],
    lifespan=housekeeping.lifespan,
    on_script_error=server._tell,
)
"""
STATE = """
import os, pathlib, weakref
import streamlit as st
from sightserve.frontend.shared.sessions import session_id, sessions

class Kept:
    pass

def keep():  # a variable of the script itself would live on: its last module is not let go
    if "kept" not in st.session_state:
        st.session_state["kept"] = kept = Kept()
        weakref.finalize(kept, pathlib.Path(os.environ["GONE"]).touch)

sessions().here(session_id())
keep()
"""
COUNTING = (
    HOSTED.replace('"script.py"', repr(str(APP)))
    + """
import collections, gc, json, os, pathlib, threading, time
from sightserve.frontend.shared.ledger import Place, ledger

HOLD = {"Photo", "Pictures", "Entry", "UploadedFile", "UploadedFileRec", "Source", "Job", "Labelling", "Seen"}

def count():
    while True:
        gc.unfreeze()
        # the app's own sample pictures are nobody's: they are not booked
        kinds = collections.Counter(
            type(it).__name__ for it in gc.get_objects()
            if type(it).__name__ in HOLD and getattr(it, "booking", True) is not None
        )
        for place in Place:
            if held := ledger().held(place).total():
                kinds[place.value] = held
        pathlib.Path(os.environ["LEFT"] + ".new").write_text(json.dumps(kinds))
        os.replace(os.environ["LEFT"] + ".new", os.environ["LEFT"])
        time.sleep(0.5)

threading.Thread(target=count, daemon=True).start()
"""
)
FAILS = """
import streamlit as st
if st.button("Press", key="press"):
    raise ZeroDivisionError("the insides")
"""
COLLECTIONS = """
import gc
import streamlit as st

@st.cache_resource
def counted():
    gc.disable()  # only who asks for it collects
    seen = []
    gc.callbacks.append(lambda phase, info: phase == "stop" and info["generation"] == 2 and seen.append(1))
    return seen

counted()
st.button("Run", key="run")
st.success(f"**{len(counted())} collections**")
"""


@contextmanager
def way_out():
    """Stand where everything on the way out has to pass; yields what says so to a process, and what wanted to pass."""
    asked: list[str] = []

    class Listen(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode())
            self.wfile.write(b"HTTP/1.1 502 Nobody\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Listen) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        yield {"HTTP_PROXY": address, "http_proxy": address, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}, asked
        server.shutdown()


@pytest.fixture(scope="module")
def backend():
    with fake_backend() as running:
        yield running


def knock(url):
    """Connect as the page of another site would."""
    address = f"ws{url.removeprefix('http')}/_stcore/stream"
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(address, timeout=20, origin="http://elsewhere.example", subprotocols=["streamlit"])


def test_streamlit_asks_a_stranger_for_our_address_unless_it_is_told_not_to(tmp_path, backend):
    with way_out() as (environment, asked):
        with running_probe(tmp_path, PLAIN, **environment) as url:
            knock(url)
        left_alone = list(asked)
        asked.clear()
        with running_app(tmp_path, backend.url, **environment) as app:
            knock(app.url)

        assert any("checkip" in line for line in left_alone)
        assert asked == []


def test_what_goes_wrong_on_a_page_is_told_without_its_insides(tmp_path):
    with running_probe(tmp_path, HOSTED, FAILS) as url, visitor(url) as me:
        me.press("press")

        assert me.page.problem == "Something went wrong on this page."
        until(lambda: "ZeroDivisionError" in (tmp_path / "log").read_text())


@pytest.mark.parametrize(("setting", "collects"), [("false", False), ("true", True)])
def test_streamlit_collects_after_a_run_only_where_it_is_told_to(tmp_path, setting, collects):
    def number(browser):
        return int(browser.page.done.split()[0].lstrip("*"))

    with running_probe(tmp_path, PLAIN, COLLECTIONS, **{"runner.postScriptGC": setting}) as url, visitor(url) as me:
        time.sleep(1)  # Streamlit collects a moment after the run
        me.press("run")
        first = number(me)
        for _ in range(4):
            time.sleep(1)
            me.press("run")

        assert (number(me) > first) is collects


def test_a_sessions_state_is_let_go_when_it_ends_with_nobody_else_there(tmp_path):
    gone = tmp_path / "gone"
    little = {"SIGHTSERVE_UI_SESSION_SECONDS": "1", "GONE": str(gone)}
    with running_probe(tmp_path, HOSTED, STATE, **little) as url:
        with visitor(url) as me:
            me.stay(4)  # longer than a session without a page is kept
            while_it_was_open = gone.exists()

        until(gone.exists)

    assert not while_it_was_open


def test_nothing_of_a_visit_is_left_in_the_apps_memory(tmp_path, backend):
    """The real script, with a look at what there is of everything that holds people's bytes."""
    left = tmp_path / "left"
    environment = {"SIGHTSERVE_UI_SESSION_SECONDS": "1", "LEFT": str(left), "BACKEND": backend.url}
    backend.seconds = 2.0
    with running_probe(tmp_path, COUNTING, **environment) as url:
        with visitor(url) as one, visitor(url, "batch") as other, visitor(url, "video") as third:
            one.upload("photo", photos(2, MIB))
            one.press("classify")
            other.upload("batch", photos(9, MIB))
            other.press("start")
            third.press("sample-video")
            until(
                lambda: (
                    json.loads(left.read_text()).keys() >= {"Pictures", "Entry", "Job", "Labelling", "memory", "disk"}
                )
            )

        until(lambda: json.loads(left.read_text()) == {})
    backend.seconds = 0.0


def test_streamlit_itself_keeps_what_is_over_until_somebody_else_leaves(tmp_path):
    """Why we have a clock; when this fails, it may not be needed any more."""
    gone = tmp_path / "gone"
    with running_probe(
        tmp_path,
        HOSTED.replace("housekeeping.lifespan", "None"),
        STATE,
        **{"server.disconnectedSessionTTL": "1", "GONE": str(gone)},
    ) as url:
        with visitor(url):
            pass
        time.sleep(4)
        before = gone.exists()
        with visitor(url):
            pass
        until(gone.exists)

    assert not before
