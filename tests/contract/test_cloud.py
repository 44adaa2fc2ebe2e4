"""A process of its own on a small Google Cloud of processes of their own: found, identified, answered."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from tests.conftest import ROOT, SAMPLES
from tests.processes import clean_environment

_ASKS = """
import json, sys
from pathlib import Path
from sightserve.client import Client
from sightserve.client.discovery import Finder, read_places
from sightserve.client.identity import Identity
before = sorted(name for name in sys.modules if name.startswith(("google.", "grpc")))
found = Finder(read_places()).find()
with Client(found.url, auth=Identity(found.url)) as client:
    print(json.dumps([before, found.way, client.predict(Path(sys.argv[1])).prediction]))
"""


@contextmanager
def started(module, *flags):
    """Run a fake as its command and give the address that it prints."""
    command = [sys.executable, "-m", f"tests.fakes.{module}", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def test_project_region_and_name_are_all_it_takes_to_classify_through_a_private_backend(backend_url):
    with (
        started("gate", "--to", backend_url) as gate,
        started("cloud_run", "--service-url", gate, "--service", "mine") as api,
        started("metadata") as metadata,
    ):
        environment = clean_environment(
            K_SERVICE="frontend",
            GCE_METADATA_HOST=metadata.removeprefix("http://"),
            HOME="/dev/null/home",
            SIGHTSERVE_CLOUD_ENDPOINT=api,
            SIGHTSERVE_CLOUD_PROJECT="my-project",
            SIGHTSERVE_CLOUD_REGION="europe-west1",
            SIGHTSERVE_CLOUD_SERVICE="mine",
        )
        run = subprocess.run(
            [sys.executable, "-c", _ASKS, str(SAMPLES / "espresso.jpg")],
            capture_output=True, text=True, check=False, timeout=60, env=environment,
        )  # fmt: skip

    assert run.returncode == 0, run.stderr
    loaded_before, way, label = json.loads(run.stdout)
    assert loaded_before == []  # Google's libraries cost nothing where they are not used
    assert (way, label) == ("Cloud Run", "espresso")


def test_google_libraries_are_not_loaded_off_google_cloud(backend_url):
    code = (
        "import sys; from sightserve.client.discovery import Finder, read_places; Finder(read_places()).find();"
        "print([name for name in sys.modules if name.startswith(('google.', 'grpc'))])"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, timeout=60, env=clean_environment(BACKEND=backend_url),
    )  # fmt: skip

    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.slow
def test_a_command_says_who_asks_to_a_private_backend(backend_url):
    """As the account that the metadata server knows; on a laptop gcloud's is taken (tests/unit/client/test_caller.py)."""
    with started("gate", "--to", backend_url) as gate, started("metadata") as metadata:
        place = {"GCE_METADATA_HOST": metadata.removeprefix("http://"), "HOME": "/dev/null/home"}
        words = [sys.executable, "-m", "sightserve", "classify", "--backend", gate, str(SAMPLES / "espresso.jpg")]
        unknown, known = (
            subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=60,
                env=clean_environment(SIGHTSERVE_IDENTITY=identity, **place),
            )
            for identity in ("auto", "always")
        )  # fmt: skip

        load = [sys.executable, "-m", "sightserve", "loadtest", "--backend", gate, "--users", "1", "--run-time", "2s"]
        loaded = subprocess.run(
            [*load, "--failures", "0%", "--phone-photos", "0%"], capture_output=True, text=True, check=False, timeout=60,
            env=clean_environment(SIGHTSERVE_IDENTITY="always", **place),
        )  # fmt: skip

    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert unknown.returncode == 1  # an address on this machine is no Cloud Run service by itself
    assert "403" in unknown.stderr
    assert (known.returncode, "espresso" in known.stdout) == (0, True), known.stderr
