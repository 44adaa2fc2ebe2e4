"""Visitors that the load test makes, against the real web app; and its report in a real browser."""

import json
import subprocess
import sys

import pytest
import streamlit
from tests.processes import clean_environment

from sightserve.loadtest.generator.page import SEEN_WITH

pytestmark = pytest.mark.slow  # runs whole load tests


def load(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightserve", "loadtest", "--spawn-rate", "20", *flags]
    # a proxy that is not there: what is asked of it fails
    proxied = clean_environment(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    return subprocess.run(command, capture_output=True, text=True, check=False, env=proxied, timeout=90)


@pytest.fixture(scope="session")  # not of the module: the browser's test comes after those of other modules
def visited(both_halves, tmp_path_factory):
    """Six users of both halves for a few seconds, some of them on the Batch page; the folder has the results."""
    folder = tmp_path_factory.mktemp("visited")
    done = load(
        "--backend", both_halves["api"], "--frontend", both_halves["ui"], "--users", "6", "--run-time", "8s",
        "--visitor-every", "1s", "--visit-photos", "2", "--batch-visitors", "30%", "--assets", "--failures", "0%",
        "--api-phone-photos", "0%", "--phone-photos", "50%", "--json", str(folder / "run.json"),
        "--report", str(folder / "run.html"),
    )  # fmt: skip
    assert done.returncode == 0, (
        f"A visit of the web app failed. Streamlit is {streamlit.__version__}; the messages in"
        f" sightserve/loadtest/generator/page.py were seen with {SEEN_WITH}: if it was updated, see what changed there.\n"
        f"{done.stdout}{done.stderr}"
    )
    return folder


def test_visitors_upload_press_the_button_and_get_the_right_label(visited):
    results = json.loads((visited / "run.json").read_text())

    web = {group["kind"]: group for group in results["groups"] if group["half"] == "web app"}
    assert {"open the page", "upload a phone photo", "upload a small photo", "sent to label"} <= set(web)
    assert web["sent to label"]["ok"] >= 4
    # what a person waits for has the upload in it, which for a phone's photo is more than a moment
    assert results["halves"]["web app"]["p50"] > web["sent to label"]["p50"] + web["upload a small photo"]["p50"] / 2
    assert results["browsers_asked"] > 4 * web["open the page"]["ok"]
    assert web["open the page"]["bytes"] > 250_000  # its scripts too, as with an empty cache
    assert results["causes"] == []


def test_the_truth_can_come_through_the_web_app_alone(both_halves):
    done = load("--frontend", both_halves["ui"], "--users", "1", "--run-time", "3s", "--failures", "0%", "--p95", "20s")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "web app, photo to label" in done.stdout


@pytest.mark.browser
def test_the_report_is_drawn_and_asks_nobody_for_anything(visited, new_page, artifacts):
    page, asked = new_page(width=1280), []
    page.on("request", lambda request: asked.append(request.url))

    page.goto((visited / "run.html").as_uri())

    page.get_by_role("cell", name="photo to label", exact=True).first.wait_for()
    assert page.locator("canvas, svg").count() >= 3  # its charts
    page.screenshot(path=artifacts / "load-report.png", full_page=True)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
