"""A real browser in front of real processes. A page that asks anything of anybody else fails its test."""

import base64
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.conftest import ROOT
from tests.processes import free_port, running

ARTIFACTS = ROOT / "test-artifacts"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
_WAIT_MS = 30_000  # how fast a page is, bench/ measures; a machine that does other things too must not fail a test
_LOCAL = {"127.0.0.1", "localhost", ""}  # data: and blob: have no host


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running, beside which no other test can have its own."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    quiet += ["--disable-features=LocalNetworkAccessChecks"]  # of a page that a test answers for in the server's place
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    expect.set_options(timeout=_WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,  # None: the one that Playwright installed
            args=[*quiet, *camera, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """One for each kind of device, kept: the app's scripts are loaded and compiled once."""
    made: dict[str, BrowserContext] = {}
    yield made
    for context in made.values():
        context.close()


@pytest.fixture
def new_page(browser: Browser, contexts: dict[str, BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Pages of their own; at the end, none may have asked anything of anybody else."""
    pages: list[Page] = []
    asked: list[str] = []

    def make(width: int = 1280, height: int = 800, **options: object) -> Page:
        kind = repr((width, height, options))
        if kind not in contexts:
            contexts[kind] = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
            contexts[kind].set_default_timeout(_WAIT_MS)
        page = contexts[kind].new_page()
        page.on("request", lambda request: asked.append(request.url))
        pages.append(page)
        return page

    yield make
    for page in pages:
        page.close()
    assert [url for url in asked if (urlsplit(url).hostname or "") not in _LOCAL] == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()


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


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA; what it finds only while something still slides in does not count."""
    page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    for _ in range(3):
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)["violations"]
        if not found:
            return []
        page.wait_for_timeout(1000)
    return [f"{entry['id']}: {node['html'][:160]}" for entry in found for node in entry["nodes"]]


def hand_over(page: Page, how: str, *files: Path) -> None:
    """Paste or drop files, as the browser tells a page of it."""
    page.evaluate(
        """([how, files]) => {
            const transfer = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
            }
            const options = { bubbles: true, cancelable: true };
            if (how === "paste") {
                document.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
            } else {
                for (const type of ["dragenter", "dragover", "drop"]) {
                    document.querySelector("h1").dispatchEvent(new DragEvent(type, { ...options, dataTransfer: transfer }));
                }
            }
        }""",
        [how, [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]],
    )
