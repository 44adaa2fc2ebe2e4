"""A real browser in front of real processes."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.conftest import ROOT
from tests.processes import free_port, running

ARTIFACTS = ROOT / "test-artifacts"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,  # None: the one that Playwright installed
            args=[*quiet, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


@pytest.fixture(scope="session")
def both_halves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What `sightserve up` serves; ended by Ctrl-C as a person would."""
    api, ui = free_port(), free_port()
    log = tmp_path_factory.mktemp("up") / "log"
    health = f"http://127.0.0.1:{ui}/_stcore/health"
    with running("up", "--port", str(api), "--ui-port", str(ui), health=health, log=log) as process:
        yield {"api": f"http://127.0.0.1:{api}", "ui": f"http://127.0.0.1:{ui}", "log": str(log)}
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)
