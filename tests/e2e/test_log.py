"""The web app's log and metrics, from real processes: every line is JSON, and tells nothing of what people brought."""

import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websocket
from tests.conftest import SAMPLES
from tests.fake_backend import fake_backend
from tests.processes import free_port
from tests.web_app import ended, running_app, running_probe, until, visitor

NAME = "grandmother-at-home.jpg"
UNTIDY = """
import os, sys, threading, warnings
import streamlit as st
from sightserve.frontend.shared.photos import shown_name

print("printed")
os.write(2, b"as a library prints\\n")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
warnings.warn("be warned")
raise RuntimeError('it "failed"\\nbadly')
"""
HOSTED = """
import streamlit as st
from sightserve.frontend.host import server
app = st.App("script.py", on_script_error=server._tell)
"""


def lines_of(log: Path) -> list[dict[str, object]]:
    """Every line, each of which has to be JSON with what Cloud Logging reads."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all({"severity", "message", "timestamp", "logger"} <= set(line) for line in lines)
    return lines


def access(lines):
    return [(line["method"], line["path"], line["status"]) for line in lines if line["logger"] == "sightserve.access"]


def metrics_at(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(sightserve\S+) (\S+)$", text, re.MULTILINE)}


@pytest.mark.slow
@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_visit_is_in_the_log_and_in_the_metrics_and_nothing_that_is_the_visitors(tmp_path, level):
    port = free_port()
    settings = {"SIGHTSERVE_LOG_FORMAT": "json", "SIGHTSERVE_LOG_LEVEL": level, "SIGHTSERVE_UI_METRICS_PORT": str(port)}
    photo = (SAMPLES / "cat.jpg").read_bytes()
    with fake_backend() as backend, running_app(tmp_path, backend.url, **settings) as app:
        with visitor(app.url) as me:
            me.upload("photo", [(NAME, photo)])
            held = metrics_at(port)
            address = me.page.address("photo", 1, 0, 1, NAME, len(photo))
            ticket, session, media = address.split("/")[2], me.page.session, [*me.page.media]
            assert me.page.label
        urllib.request.urlopen(f"{app.url}/?labels=a-query", timeout=10).close()
        for path in ("/_stcore/metrics", "/videos/a-secret/name.mp4?download=1"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(app.url + path, timeout=10)
        stream = f"ws{app.url.removeprefix('http')}/_stcore/stream?labels=a-query"
        websocket.create_connection(stream, 10, origin=app.url, subprotocols=["streamlit"]).close()
        until(lambda: metrics_at(port)['sightserve_ui_requests_total{kind="websocket",status="101"}'] == 2)
        counted = metrics_at(port)
        app.process.send_signal(signal.SIGTERM)
        code = ended(app.process)

    log = tmp_path / f"log-{urlsplit(app.url).port}"
    lines, text = lines_of(log), log.read_text()
    asked = access(lines)
    assert {
        ("PUT", "/inbox/*", 204),
        ("GET", "/media/*", 200),
        ("GET", "/videos/*", 404),
        ("GET", "/_stcore/metrics", 404),
        ("GET", "/", 200),
        ("WEBSOCKET", "/_stcore/stream", 101),
    } <= set(asked)
    assert (("GET", "/_stcore/health", 200) in asked) == (level == "debug")
    assert all(str(line["logger"]).startswith("sightserve.") for line in lines if line["severity"] == "DEBUG")
    (put,) = [line for line in lines if line.get("method") == "PUT"]
    assert put["bytes_received"] == len(photo)
    media_names = [Path(urlsplit(url).path).stem for url in media]
    for private in [session, ticket, "grandmother", "a-secret", "name.mp4", "a-query", *media_names]:
        assert private
        assert private not in text
    assert lines[-1]["message"] == f"Finished server process [{app.process.pid}]"  # to the very last
    assert code == -signal.SIGTERM
    assert held['sightserve_ui_held_bytes{place="memory"}'] > len(photo)
    assert held['sightserve_ui_sessions{state="connected"}'] == 1
    assert counted['sightserve_ui_answers_total{about="photo",outcome="answered"}'] == 1
    assert counted['sightserve_ui_answer_seconds_count{about="photo"}'] == 1
    assert counted["sightserve_ui_log_lines_dropped_total"] == 0


def test_whatever_is_printed_warned_of_or_raised_is_a_line(tmp_path):
    port = free_port()
    settings = {"SIGHTSERVE_LOG_FORMAT": "json", "SIGHTSERVE_UI_METRICS_PORT": str(port)}
    with running_probe(tmp_path, HOSTED, UNTIDY, **settings) as url, visitor(url):
        until(lambda: metrics_at(port)["sightserve_ui_script_failures_total"] == 1)

    lines = [line for line in lines_of(tmp_path / "log") if line["severity"] != "INFO"]
    (failed,) = [line for line in lines if "exception" in line]  # once, though a page's failure is told to us too
    assert failed["severity"] == "ERROR"
    assert str(failed["exception"]).endswith('RuntimeError: it "failed"\nbadly')
    assert sum("app execution" in str(line["message"]) for line in lines) == 1
    said = [str(line["message"]) for line in lines if line["severity"] == "WARNING"]
    for words in ("printed", "as a library prints", "ZeroDivisionError", "be warned"):
        assert any(words in message for message in said), words


def test_on_a_terminal_it_is_for_people_and_warnings_alone_are_no_requests(tmp_path):
    settings = {"SIGHTSERVE_LOG_FORMAT": "console", "SIGHTSERVE_LOG_LEVEL": "warning"}
    with fake_backend() as backend, running_app(tmp_path, backend.url, **settings) as app, visitor(app.url):
        pass

    text = (tmp_path / f"log-{urlsplit(app.url).port}").read_text()
    assert "URL: " in text  # Streamlit's greeting
    assert "GET /" not in text
    assert "INFO" not in text
