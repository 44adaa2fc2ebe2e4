"""A visit in a real Chromium: when things are on the screen by the page's own clock, and what went over the network."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Locator, Page

_BINARY = 2  # a websocket frame's opcode (RFC 6455, section 5.2): its payload comes as base64

# Looks once for each frame that is drawn. Streamlit and Gradio put things into a page at their own pace, long after `load`.
_LOOKING = """(() => {
    const plan = PLAN, seen = (window.bench = {});
    const shown = (it) => it && it.getClientRects().length > 0;
    const text = (selector) => [...document.querySelectorAll(selector)].find(shown)?.innerText.trim() ?? "";
    const pressable = (it) => {
        const box = it.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
        if (!it.complete || !it.naturalWidth || !box.width) return false;
        const hit = document.elementFromPoint(x, y);  // nothing where it lies below the fold
        return hit === null || it.closest(plan.card)?.contains(hit);
    };
    seen.arm = () => { seen.before = text(plan.label); seen.answered = undefined; seen.armed = performance.now(); };
    const look = () => {
        const now = performance.now(), samples = [...document.querySelectorAll(plan.samples)];
        if (!seen.heading && text("h1")) seen.heading = now;
        if (!seen.usable && samples.length >= plan.count && samples.every(pressable)) seen.usable = now;
        const label = text(plan.label);
        if (seen.armed && !seen.answered && label && label !== seen.before) { seen.answered = now; seen.label = label; }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
_MIDDLE = """it => {
    it.scrollIntoView({ block: "center", behavior: "instant" });
    const box = it.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a page is looked at.

    Attributes:
        name: for the record.
        context: options of a browser context.
        network: of the DevTools' `Network.emulateNetworkConditions`; none: as it is.
        cpu: how many times slower than this machine.
    """

    name: str
    context: dict[str, Any]
    network: dict[str, Any] = field(default_factory=dict)
    cpu: float = 1.0


@dataclass(frozen=True, slots=True)
class Looks:
    """What to look for in a page, as selectors of CSS.

    Attributes:
        samples: the samples' pictures.
        count: how many there are.
        card: what a sample's picture is pressed within.
        label: where the answer's label appears.
    """

    samples: str
    count: int
    card: str
    label: str


class Network:
    """What one page sends and gets, as the browser counts it: compressed, with headers, and frames of websockets."""

    def __init__(self, session: CDPSession) -> None:
        """Begin to count."""
        self._session = session
        self._requests: list[float] = []
        self._parts: dict[str, list[tuple[float, int]]] = {}  # of what has not ended yet
        self._got: list[tuple[float, int]] = []
        self._bodies: dict[str, int] = {}  # of requests, by their ids: the headers may come before the request
        self._asked: dict[str, float] = {}
        self._frames_sent: list[tuple[float, int]] = []
        for name, heard in (
            ("requestWillBeSent", self._request),
            ("requestWillBeSentExtraInfo", self._headers),
            ("dataReceived", self._part),
            ("loadingFinished", self._whole),
            ("webSocketFrameReceived", lambda event: self._frame(event, self._got)),
            ("webSocketFrameSent", lambda event: self._frame(event, self._frames_sent)),
        ):
            session.on(f"Network.{name}", heard)
        session.send("Network.enable")
        session.send("Performance.enable")

    def _request(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith(("data:", "blob:")):
            return
        self._requests.append(event["timestamp"])
        self._asked[event["requestId"]] = event["timestamp"]

    def _headers(self, event: dict[str, Any]) -> None:
        length = {name.lower(): value for name, value in event["headers"].items()}.get("content-length")
        if length:
            self._bodies[event["requestId"]] = int(length)

    def _part(self, event: dict[str, Any]) -> None:
        self._parts.setdefault(event["requestId"], []).append((event["timestamp"], event["encodedDataLength"]))

    def _whole(self, event: dict[str, Any]) -> None:
        self._parts.pop(event["requestId"], None)
        self._got.append((event["timestamp"], event["encodedDataLength"]))

    def _frame(self, event: dict[str, Any], into: list[tuple[float, int]]) -> None:
        frame = event["response"]
        data = frame["payloadData"]
        size = len(base64.b64decode(data)) if frame["opcode"] == _BINARY else len(data.encode())
        into.append((event["timestamp"], size))

    def requests(self, until: float) -> int:
        """Return how many were made until so many milliseconds of the page's clock."""
        last = self._began() + until / 1000
        return sum(at <= last for at in self._requests)

    def kb(self, since: float, until: float) -> float:
        """Return the kilobytes that came between two times of the page's clock in milliseconds."""
        return self._between([*self._got, *(part for parts in self._parts.values() for part in parts)], since, until)

    def sent_kb(self, since: float, until: float) -> float:
        """Return the kilobytes of the bodies and frames that were sent, begun between two times."""
        bodies = [(self._asked[key], size) for key, size in self._bodies.items() if key in self._asked]
        return self._between([*bodies, *self._frames_sent], since, until)

    def _began(self) -> float:
        """Return when the page's clock began, by the clock of the events; a busy browser asks for a page only later."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(entry["value"] for entry in metrics if entry["name"] == "NavigationStart"))

    def _between(self, sizes: list[tuple[float, int]], since: float, until: float) -> float:
        began = self._began()
        first, last = (began + at / 1000 for at in (since, until))
        return sum(size for at, size in sizes if first <= at <= last) / 1000


class Visit:
    """One page, opened; every time is in milliseconds since its navigation began."""

    def __init__(self, page: Page, network: Network) -> None:
        """Keep both."""
        self.page = page
        self.network = network

    def seen(self, what: str) -> float:
        """Wait until something is on the page; return when that was."""
        return float(self.page.wait_for_function(f"window.bench?.{what}").json_value())

    def painted(self) -> float:
        """Return when anything at all was painted first."""
        return float(self.page.wait_for_function(_PAINT).json_value())

    def press(self, what: Locator) -> None:
        """Press, as a finger or a mouse does, as soon as it is there."""
        what.wait_for()
        x, y = what.evaluate(_MIDDLE)
        if self.page.evaluate("navigator.maxTouchPoints > 0"):
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.click(x, y)

    def until_label(self, act: Callable[[], object]) -> tuple[float, float, str]:
        """Do something that leads to an answer; return when it began, when its label was there, and the label."""
        self.page.evaluate("window.bench.arm()")
        act()
        answered = self.seen("answered")
        armed, label = self.page.evaluate("[window.bench.armed, window.bench.label]")
        return armed, answered, label

    def wait(self, milliseconds: float) -> None:
        """Let the page be."""
        self.page.wait_for_timeout(milliseconds)


@contextmanager
def visiting(context: BrowserContext, url: str, looks: Looks, device: Device) -> Iterator[Visit]:
    """Open a page in a tab of its own, and close it when the block ends."""
    page = context.new_page()
    try:
        session = context.new_cdp_session(page)
        network = Network(session)
        if device.network:
            session.send("Network.emulateNetworkConditions", device.network)
        if device.cpu > 1:
            session.send("Emulation.setCPUThrottlingRate", {"rate": device.cpu})
        plan = {"samples": looks.samples, "count": looks.count, "card": looks.card, "label": looks.label}
        page.add_init_script(_LOOKING.replace("PLAN", json.dumps(plan)))
        page.goto(url, wait_until="commit")
        yield Visit(page, network)
    finally:
        page.close()


def choose(page: Page, photo: Path) -> None:
    """Hand a photo to the page's file input, which may be hidden and in a shadow root."""
    page.locator("input[type=file]").first.set_input_files(photo)
