"""A fake backend for the pages, and pages without a browser."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest
from tests.cloud import Cloud, running_cloud
from tests.fake_backend import FakeBackend, fake_backend

import sightserve
from sightserve.frontend.shared import ledger, settings

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
