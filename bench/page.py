"""Our page beside Gradio's, in a real browser: until it is usable, until a label is there, and what that takes to load.

python -m bench.page --rounds 5 --phone --page docs/web-app.md
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from bench import page_report, photos, results, venvs
from bench.browsing import Device, Looks, Visit, choose, visiting
from bench.results import Measurement
from bench.run import machine
from bench.servers import OURS, Kind, Running, ServerError, running

SAMPLES = photos.ROOT / "src" / "sightserve" / "frontend" / "samples"
SMALL, LARGE, FIRST, SECOND = "panda", "mountains", "espresso", "cat"  # a page is asked about none of them twice
_SETTLED = 1000  # ms after a label, in which its picture comes
_BETWEEN = 1.0  # s, in which a server is done with who left
_PATIENCE = 120_000  # ms
_DESKTOP = Device("desktop", {"viewport": {"width": 1280, "height": 800}})
_SLOW_LINE = {
    "offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8,
}  # fmt: skip
_FLAGS = (
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # whatever asks others fails at once, for everybody alike
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class App:
    """One of the two pages, and how it is used.

    Attributes:
        name: for the record.
        url: its address.
        looks: what to look for.
        sample: presses a sample, and whatever else has to be pressed until it is asked about; returns how often that was.
        upload: the same for a photo of one's own, after it was chosen.
    """

    name: str
    url: str
    looks: Looks
    sample: Callable[[Visit, str], int]
    upload: Callable[[Visit], int]


def main() -> None:
    """Measure both in turn, save after every round, print the tables and write them into a page."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that what was started is stopped too
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
    devices = [_DESKTOP, *([Device("phone", phone, _SLOW_LINE, options.slow_cpu)] if options.phone else [])]
    large = photos.phone_photo(SAMPLES / f"{LARGE}.jpg")
    saved: list[Measurement] = []
    with sync_playwright() as playwright, _apps(options) as apps, _browser(playwright) as browser:
        for app in apps:  # what a server does once for all, it does now
            _measure(browser, app, _DESKTOP, large)
        for number in range(options.rounds):
            for device in devices:
                for app in apps:
                    print(f"round {number}: {device.name}, {app.name} ...", flush=True)
                    with machine(options):
                        figures = _measure(browser, app, device, large)
                    saved.append(Measurement("page", "samples", app.name, device.name, number, figures))
                    results.save(options.out, saved)
    text = page_report.tables(*results.load(options.out), options.note)
    if options.page:
        old = options.page.read_text(encoding="utf-8")
        options.page.write_text(page_report.put_in(old, text), encoding="utf-8")
    print(text)


def _measure(browser: Browser, app: App, device: Device, large: Path) -> dict[str, float]:
    """Visit with a browser that knows nothing yet, then again; return all figures."""
    context = browser.new_context(**device.context)
    context.set_default_timeout(_PATIENCE)
    figures = {"cpu_slower": device.cpu}
    try:
        with visiting(context, app.url, app.looks, device) as visit:
            figures |= _opened(visit, "first")
            figures |= _sample(visit, app)
        time.sleep(_BETWEEN)
        with visiting(context, app.url, app.looks, device) as visit:
            figures |= _opened(visit, "again")
            figures |= _upload(visit, app, SAMPLES / f"{SMALL}.jpg", "small")
        time.sleep(_BETWEEN)
        with visiting(context, app.url, app.looks, device) as visit:
            visit.seen("usable")
            visit.wait(_SETTLED)
            figures |= _upload(visit, app, large, "large")
    finally:
        context.close()
    return figures


def _opened(visit: Visit, which: str) -> dict[str, float]:
    heading, usable, painted = visit.seen("heading"), visit.seen("usable"), visit.painted()
    visit.wait(_SETTLED)
    return {
        f"{which}_paint_ms": painted,
        f"{which}_heading_ms": heading,
        f"{which}_usable_ms": usable,
        f"{which}_kb": visit.network.kb(0, usable),
        f"{which}_requests": visit.network.requests(usable),
    }


def _sample(visit: Visit, app: App) -> dict[str, float]:
    figures: dict[str, float] = {}
    for which, sample in (("sample", FIRST), ("second", SECOND)):
        presses = []

        def act(sample: str = sample, presses: list[int] = presses) -> None:
            presses.append(app.sample(visit, sample))

        began, answered, label = visit.until_label(act)
        if which == "sample" and FIRST not in label:
            raise ServerError(f"{app.name} says {label!r} of the espresso")
        visit.wait(_SETTLED)
        figures |= {
            f"{which}_ms": answered - began,
            f"{which}_presses": sum(presses),
            f"{which}_kb": visit.network.kb(began, answered + _SETTLED),
        }
    return figures


def _upload(visit: Visit, app: App, photo: Path, which: str) -> dict[str, float]:
    presses = []

    def act() -> None:
        choose(visit.page, photo)
        presses.append(app.upload(visit))

    began, answered, _ = visit.until_label(act)
    visit.wait(_SETTLED)
    return {
        f"{which}_ms": answered - began,
        f"{which}_presses": sum(presses),
        f"{which}_sent_kb": visit.network.sent_kb(began, answered),
    }


@contextmanager
def _apps(options: argparse.Namespace) -> Iterator[list[App]]:
    """Start one backend, and both pages in front of it."""
    python = venvs.python("gradio")
    with ExitStack() as stack:
        kept = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend = stack.enter_context(running(OURS, options.python))
        ours = stack.enter_context(running(_web_app(backend), options.python))
        gradio = stack.enter_context(running(_gradio(backend, kept), python))
        for folder in (kept, *python.parents[1].glob("lib/python*/site-packages/gradio/templates")):
            _age(folder)
        yield [_our_page(ours.url, press_classify=options.press_classify), _gradios_page(gradio.url)]


def _web_app(backend: Running) -> Kind:
    words = ("-m", "sightserve", "ui", "--port", "{port}")
    return Kind("ours", "Sightserve", words, "", None, "/_stcore/health", environment={"BACKEND": backend.url})


def _gradio(backend: Running, kept: Path) -> Kind:
    words = ("{peers}/gradio/page.py", "--port", "{port}", "--backend", backend.url, "--samples", str(SAMPLES))
    return Kind("gradio", "Gradio", words, "", None, "/", environment={"GRADIO_TEMP_DIR": str(kept)})


def _age(folder: Path) -> None:
    """Make files a day old: Gradio says no more of them than that, and a browser keeps what is old for a tenth of its age."""
    yesterday = time.time() - 86_400
    for path in folder.rglob("*"):
        os.utime(path, (yesterday, yesterday))


def _our_page(url: str, *, press_classify: bool) -> App:
    def sample(visit: Visit, name: str) -> int:
        card, another = (visit.page.locator(f".st-key-{key}") for key in (f"card-{name} img", "another button"))
        card.or_(another).first.wait_for()
        presses = 1
        if not card.is_visible():
            visit.press(another)
            presses += 1
        visit.press(card)
        return presses

    def upload(visit: Visit) -> int:
        if press_classify:
            visit.press(visit.page.locator(".st-key-classify button"))
        return int(press_classify)

    looks = Looks('[class*="st-key-card-"] img', _count(), '[class*="st-key-card-"]', ".st-key-answer h2")
    return App("ours", url, looks, sample, upload)


def _gradios_page(url: str) -> App:
    def submit(visit: Visit, shown: str) -> None:
        """Press it once the photo is in its place: before, the press would be of what was there."""
        visit.page.locator(f'[data-testid="image"] img{shown}').wait_for()
        visit.press(visit.page.get_by_role("button", name="Submit", exact=True))

    def sample(visit: Visit, name: str) -> int:
        visit.press(visit.page.locator(f'.gallery-item img[src$="/{name}.jpg"]'))
        submit(visit, f'[src$="/{name}.jpg"]')
        return 2

    def upload(visit: Visit) -> int:
        submit(visit, "")
        return 1

    looks = Looks(".gallery-item img", _count(), ".gallery-item", '[data-testid="label-output-value"]')
    return App("gradio", url, looks, sample, upload)


def _count() -> int:
    return len(list(SAMPLES.glob("*.jpg")))


@contextmanager
def _browser(playwright: Playwright) -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=found, args=[*_FLAGS, *sandbox])
    try:
        yield browser
    finally:
        browser.close()


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.page", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5)
    add("--phone", action="store_true", help="a phone on a slow line too: 1.6 Mbit/s down, 0.75 up, 150 ms")
    add("--slow-cpu", type=float, default=1, help="how many times slower than this machine the phone is [default: 1]")
    add("--press-classify", action="store_true", help="of a web app that asks for a press after a photo was chosen")
    add("--python", type=Path, default=Path(sys.executable), help="that runs ours [default: this one]")
    add("--out", type=Path, default=photos.ROOT / "bench" / "results" / "page.json")
    add(
        "--page", type=Path, help="a Markdown file with the two marks of bench/page_report.py, to write the tables into"
    )
    add("--note", default="", help="a sentence for the page: what was special about this run")
    add("--lock", type=Path, default=os.environ.get("SIGHTSERVE_BENCH_LOCK"), help="file to hold during each visit")
    add("--quiet", type=float, default=10, help="seconds to wait for a quiet machine before each visit")
    options = parser.parse_args(words)
    options.lock = Path(options.lock) if options.lock else None
    return options


if __name__ == "__main__":
    main()
