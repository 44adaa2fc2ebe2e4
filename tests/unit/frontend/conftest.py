"""A fake backend for the pages, and pages without a browser."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest
from tests.cloud import Cloud, running_cloud
from tests.fake_backend import FakeBackend, fake_backend

import sightserve
from sightserve.frontend.inbox.store import Inbox, Pick
from sightserve.frontend.inbox.widget import Came, Offer
from sightserve.frontend.shared import ledger, settings
from sightserve.frontend.shared.ledger import Place

APP = Path(sightserve.__file__).parent / "frontend" / "app.py"


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBackend]:
    with fake_backend() as running:
        monkeypatch.setenv("BACKEND", running.url)
        st.cache_resource.clear()
        settings.settings.cache_clear()
        ledger.ledger.cache_clear()
        yield running
        st.cache_resource.clear()
        settings.settings.cache_clear()
        ledger.ledger.cache_clear()


@pytest.fixture(autouse=True)
def no_gcloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is logged in on this machine is not the tests' business."""
    monkeypatch.setattr("sightserve.client.caller.which", lambda _name: None)


def _page(name: str) -> AppTest:
    return AppTest.from_string(f"from sightserve.frontend.{name} import page\npage.page()", default_timeout=20)


@pytest.fixture
def whole_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], AppTest]]:
    """The app with its navigation, in an environment that a test says."""

    def make(environment: dict[str, str]) -> AppTest:
        for name in ("BACKEND", *(name for name in os.environ if name.startswith("SIGHTSERVE_"))):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        st.cache_resource.clear()
        settings.settings.cache_clear()
        return AppTest.from_file(str(APP), default_timeout=20)

    yield make
    st.cache_resource.clear()
    settings.settings.cache_clear()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with running_cloud(monkeypatch) as running:
        yield running


def bring(page: AppTest, place: str, *files: tuple[str, bytes], shape: tuple[int, int] = (8, 6)) -> None:
    """Have files (name, bytes) come in as a browser sends them, in one pick, and let the page know."""
    inbox: Inbox = page.session_state["inbox"]
    number = 1 + max(
        (pick.number for pick in (inbox.pick(place), inbox.pick("archive")) if pick is not None), default=0
    )
    where = Place.DISK if place == "video" else Place.MEMORY
    pick = inbox.coming(place, Pick(number, len(files), where, one_by_one=place == "batch"))
    for index, (name, data) in enumerate(files):
        file = pick.begin(index, name, len(data), len(data), inbox.mine, shape)
        if data:
            pick.add(file, 0, data)
    if place == "photo":  # as the news of it does
        page.session_state["way_in"] = "files"
    page.run()


def offer(page: AppTest, photos: Sequence[tuple[str, bytes]] = (), zips: Sequence[tuple[str, bytes]] = ()) -> None:
    """Choose photos and zips on the Batch page, which come in as a browser sends them."""
    inbox: Inbox = page.session_state["inbox"]
    if zips:
        bring(page, "archive", *zips)
    archive = inbox.pick("archive")
    number = archive.number if archive is not None else 1
    page.session_state["offer"] = Offer(Came(number), tuple((name, len(data)) for name, data in photos), zips=len(zips))
    page.run()
    pick = inbox.pick("batch")
    for index, (name, data) in enumerate(photos):
        assert pick is not None
        pick.add(pick.begin(index, name, len(data), len(data), inbox.mine), 0, data)


@pytest.fixture
def photo_page() -> AppTest:
    return _page("photo")


@pytest.fixture
def batch_page() -> AppTest:
    return _page("batch")


@pytest.fixture
def about_page() -> AppTest:
    return _page("about")


@pytest.fixture
def jpeg() -> Callable[[int], bytes]:
    """Small photos that differ: each number gives another."""

    def make(number: int) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (8 + number % 50, 6 + number // 50), (number * 37 % 256, 120, 60)).save(buffer, "JPEG")
        return buffer.getvalue()

    return make
