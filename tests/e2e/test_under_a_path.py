"""The web app where companies mount it: below a path, through nginx, which strips the path or does not."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.conftest import SAMPLES
from tests.fake_backend import fake_backend
from tests.processes import free_port, wait_for
from tests.web_app import running_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATH = "/tools/sight"
_CONF = """
daemon off; {user} pid {folder}/pid; error_log stderr; worker_processes 1;
events {{}}
http {{
  access_log off; client_max_body_size 40m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location {path}/ {{
      proxy_pass {to};
      proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
      proxy_set_header Host $http_host; proxy_read_timeout 3600s;
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, to: str) -> Iterator[str]:
    port = free_port()
    (folder / "nginx.conf").write_text(
        _CONF.format(folder=folder, port=port, path=PATH, to=to, user="user root;" if os.geteuid() == 0 else "")
    )
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    assert found is not None, "tools/install_clients.sh installs nginx"
    process = subprocess.Popen([found, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        wait_for(f"http://127.0.0.1:{port}{PATH}/_stcore/health", process, folder / "nginx.conf")
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.mark.parametrize("strips", [True, False])
def test_every_page_works_below_a_path(page, tmp_path, espresso, strips):
    below = {} if strips else {"SIGHTSERVE_UI_BASE_PATH": PATH}
    (tmp_path / "photo.jpg").write_bytes(espresso)
    health = "" if strips else PATH
    with (
        fake_backend() as backend,
        running_app(tmp_path, backend.url, path=health, **below) as app,
        nginx(tmp_path, f"{app.url}{'/' if strips else PATH + '/'}") as front,
    ):
        answers = []
        page.on("response", lambda answer: answers.append((answer.status, answer.url)))
        page.goto(f"{front}/")
        page.locator("input.files").set_input_files(tmp_path / "photo.jpg")
        page.locator(".st-key-classify button").click()
        expect(page.get_by_text("Answered in")).to_be_visible()

        page.goto(f"{front}/video")
        page.locator("input.files").set_input_files(SAMPLES / "tour.mp4")
        page.locator(".st-key-start button").click()
        video = page.locator(".st-key-screen video")
        expect(video).to_be_visible()
        video.evaluate("video => { video.muted = true; return video.play(); }")
        expect(video).not_to_have_js_property("currentTime", 0)
        page.get_by_role("button", name="Make the labelled video").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Labelled video").click()
        assert download.value.path().stat().st_size > 10_000

        page.goto(f"{front}/about")
        expect(page.get_by_text("Photos a second")).to_be_visible()

    # Streamlit's page finds out where its server is by asking in several places.
    assert [url for status, url in answers if status >= 400 and "/_stcore/" not in url] == []
    assert all(PATH in url for _, url in answers if url.startswith("http"))
