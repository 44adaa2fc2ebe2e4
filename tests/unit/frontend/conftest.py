"""A fake backend for the pages, and pages without a browser."""

import io
from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest
from tests.fake_backend import FakeBackend, fake_backend

from sightserve.frontend import settings


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBackend]:
    with fake_backend() as running:
        monkeypatch.setenv("BACKEND", running.url)
        st.cache_resource.clear()
        settings.settings.cache_clear()
        yield running
        st.cache_resource.clear()
        settings.settings.cache_clear()


def _page(name: str) -> AppTest:
    return AppTest.from_string(f"from sightserve.frontend.views import {name}\n{name}.page()", default_timeout=20)


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
