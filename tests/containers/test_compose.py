"""containers/compose.yaml, read and run: both halves in networks of their own, only the web app published."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from playwright.sync_api import expect
from tests.conftest import ROOT, SAMPLES
from tests.containers.engine import Container, environment, podman, wait_until_addresses_settle, wait_until_ready
from tests.processes import free_port

FILE = ROOT / "containers" / "compose.yaml"
PROJECT = f"sightserve-test-{os.getpid()}"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load(FILE.read_text())


def test_only_the_web_app_is_published_and_by_default_to_this_machine_alone(compose):
    services = compose["services"]

    assert {name for name, service in services.items() if service.get("ports")} == {"frontend"}
    assert services["frontend"]["ports"] == ["${PUBLISH:-127.0.0.1:8501}:8501"]
    assert services["backend"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}


def test_the_web_app_waits_for_a_backend_that_is_ready(compose):
    services = compose["services"]

    assert services["frontend"]["depends_on"] == {"backend": {"condition": "service_healthy"}}
    assert all(
        "test" not in service["healthcheck"] for service in services.values()
    )  # the images' own, asked more often
    environment = services["frontend"]["environment"]
    assert environment["BACKEND"] == "http://backend:8000"
    assert environment["SIGHTSERVE_UI_PUBLIC_BACKEND"] == "none"  # a browser knows no host of that name
    # where Docker hands a proxy on to its containers, that knows no such host either
    assert environment["NO_PROXY"] == environment["no_proxy"] == "backend,localhost,127.0.0.1"


def test_a_model_of_ones_own_is_mounted_so_that_nobody_writes_it():
    beside = yaml.safe_load(FILE.with_name("compose.model.yaml").read_text())

    assert set(beside["services"]) == {"backend"}
    backend = beside["services"]["backend"]
    assert backend["volumes"] == ["${MODEL:?the folder of your model}:/model:ro"]
    assert backend["environment"] == {"SIGHTSERVE_MODEL": "/model"}


@pytest.mark.parametrize("half", ["backend", "frontend"])
def test_each_half_has_no_rights_and_bounded_memory(compose, half):
    service = compose["services"][half]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[gm]", service["mem_limit"])
    assert "privileged" not in service
    build = service["build"]
    assert (FILE.parent / build["context"] / build["dockerfile"]).is_file()
    assert build["target"] == half


def run(*words: str, **settings: str) -> None:
    command = [sys.executable, "-m", "podman_compose", "-p", PROJECT, "-f", str(FILE), *words]
    done = subprocess.run(command, env=environment() | settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def running(images: dict[str, str]) -> Iterator[str]:
    """The web app's address; what is built already is not built again."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    try:
        # Debian's Podman is too old to wait for `service_healthy`, so what Compose does itself is done here by hand.
        run("up", "--detach", "--no-build", "backend")
        backend, deadline = Container(f"{PROJECT}_backend_1", "", time.monotonic()), time.monotonic() + 30
        while not backend.is_healthy():
            assert time.monotonic() < deadline, backend.logs()
            time.sleep(0.1)
        run("up", "--detach", "--no-build", PUBLISH=f"127.0.0.1:{port}")
        wait_until_ready("frontend", Container(f"{PROJECT}_frontend_1", url, time.monotonic()))
        wait_until_addresses_settle()  # those of the networks that were just made
        yield url
    finally:
        run("down", "--timeout", "12")


def within(half: str, code: str) -> str:
    return podman("exec", f"{PROJECT}_{half}_1", "python", "-c", code)


@pytest.mark.containers
@pytest.mark.browser
@pytest.mark.timeout(1500)
def test_a_person_classifies_through_both_containers(running, page):
    page.goto(running)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)  # its first page: imports
    page.locator("input.files").set_input_files([SAMPLES / "espresso.jpg"])
    page.get_by_role("button", name=re.compile("Classify")).click()

    expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()


@pytest.mark.containers
@pytest.mark.timeout(1500)
def test_the_backend_is_reached_from_the_web_app_and_has_no_way_out(running):
    health = (
        "import urllib.request; print(urllib.request.urlopen('http://backend:8000/health/ready', timeout=5).status)"
    )
    routes = "print([line.split()[1] for line in open('/proc/net/route')][1:].count('00000000'))"

    assert within("frontend", health) == "200"
    assert podman("port", f"{PROJECT}_backend_1") == ""
    assert (within("backend", routes), within("frontend", routes)) == ("0", "1")  # default routes
