"""`sightserve loadtest` and `capacity` as their users run them: against a real backend, and against one that misbehaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import ROOT, SAMPLES
from tests.fake_backend import fake_backend
from tests.processes import clean_environment

pytestmark = pytest.mark.slow  # runs whole load tests

PHOTOS = len(list(SAMPLES.glob("*.jpg")))


def sightserve(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightserve", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=clean_environment(**environment), timeout=60
    )


def small(url: str, *flags: str, seconds: int = 2, **environment: str) -> subprocess.CompletedProcess[str]:
    """A short load of small photos alone: how many requests the truth takes is known."""
    only = ["--phone-photos", "0%", "--bad-files", "0%", "--batches", "0%", "--api-every", "100ms"]
    users = ["--users", "3", "--spawn-rate", "10", "--run-time", f"{seconds}s"]
    return sightserve("loadtest", "--backend", url, *only, *users, *flags, **environment)


def test_a_load_of_everything_is_answered_and_told(backend_url, tmp_path):
    found = sightserve(
        "loadtest", "--backend", backend_url, "--users", "4", "--spawn-rate", "20", "--run-time", "4s", "--api-every", "150ms",
        "--bad-files", "20%", "--batches", "20%", "--api-phone-photos", "10%", "--failures", "0%", "--p95", "10s",
        "--json", str(tmp_path / "run.json"), "--report", str(tmp_path / "run.html"),
    )  # fmt: skip

    assert found.returncode == 0, found.stdout + found.stderr
    results = json.loads((tmp_path / "run.json").read_text())
    assert {group["kind"] for group in results["groups"]} >= {"small photo", "bad file", "batch of 4"}
    assert results["totals"]["failed"] == 0
    assert results["samples"]["small photo"]
    assert any(row["answers_s"] for row in results["backend"])  # what the backend says of itself
    assert results["model_bytes"] > 1_000_000
    assert "kept    failures 0.00%" in found.stdout
    page = (tmp_path / "run.html").read_text()
    assert "small photo" in page
    assert not re.search(r"<(?:script|link|img)[^>]+=.(?:https?:)?//", page)  # it loads nothing from anywhere


def test_capacity_follows_from_a_report(backend_url, tmp_path):
    small(backend_url, "--json", str(tmp_path / "run.json"), seconds=3)  # the command is tested in tests/unit/cli

    found = sightserve("capacity", "--from", str(tmp_path / "run.json"), "--rps", "200", "--p99", "2s", "--json")

    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout)
    (backend,) = answer["services"]
    assert backend["instances"] * backend["per_instance"] == pytest.approx(200)
    assert answer["expected"]["p99"] < 2
    assert [row["rps"] for row in answer["growth"]] == [10, 100, 1_000, 10_000, 100_000, 1_000_000]


def test_a_wrong_label_is_a_failure_with_a_name():
    with fake_backend() as backend:
        backend.honest_for = PHOTOS  # right when it is asked in peace, wrong under load

        found = small(backend.url, "--failures", "1%")

    assert found.returncode == 1
    assert "failed: API, small photo: wrong_answer" in found.stdout
    assert "MISSED  failures 100.00%" in found.stdout


def test_refusals_are_counted_apart_and_their_pause_is_kept():
    with fake_backend() as backend:
        backend.busy_after = PHOTOS

        found = small(backend.url, "--failures", "0%")

    assert found.returncode == 0, found.stdout  # no failure, however many were refused
    assert "3 x refused: API, small photo: overloaded" in found.stdout  # each of 3 users once: then it waits for 9 s


def test_a_run_that_is_stopped_tells_what_there_is_so_far():
    with fake_backend() as backend:
        words = [sys.executable, "-m", "sightserve", "loadtest", "--backend", backend.url, "--phone-photos", "0%"]
        run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=clean_environment())
        while len(backend.photos) < PHOTOS + 10:  # some of them small photos, whatever chance says
            assert run.poll() is None
            time.sleep(0.05)

        run.send_signal(signal.SIGINT)
        told, _ = run.communicate(timeout=20)

    assert run.returncode == 130
    assert "API: small photo" in told


def test_a_backend_that_is_not_there_is_said_at_once():
    found = small("http://127.0.0.1:9")

    assert found.returncode == 2
    assert "does not classify" in found.stderr
    assert "nothing answers" in found.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "say what to load"),
        (["--backend", "localhost:8000"], "begins with http"),
        (["--backend", "http://127.0.0.1:9", "--p95", "500"], "is no time"),
        (["--backend", "http://127.0.0.1:9", "--failures", "0.01"], "is no share"),
        (["--backend", "http://127.0.0.1:9", "--report", "/no/such/folder/r.html"], "no such folder"),
        (["--backend", "http://127.0.0.1:9", "--photos", "/no/such/folder"], "is no folder"),
    ],
)
def test_a_flag_that_cannot_be_used_ends_with_a_sentence(flags, said):
    found = sightserve("loadtest", *flags)

    assert found.returncode == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_the_api_key_comes_from_the_environment_and_is_told_to_nobody(tmp_path):
    with fake_backend() as backend:
        small(backend.url, "--json", str(tmp_path / "run.json"), seconds=1, SIGHTSERVE_API_KEY="a-secret-key")

    assert backend.keys == {"a-secret-key"}
    assert "a-secret-key" not in (tmp_path / "run.json").read_text()


@pytest.mark.slow
def test_locust_runs_the_same_users(backend_url):
    file = ROOT / "src" / "sightserve" / "loadtest" / "generator" / "locustfile.py"
    words = [
        str(Path(sys.executable).parent / "locust"),
        "-f",
        str(file),
        "--headless",
        "-u",
        "2",
        "-r",
        "2",
        "-t",
        "4s",
    ]

    found = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "BACKEND": backend_url}, timeout=60
    )

    assert found.returncode == 0, found.stderr
    assert "small photo" in found.stdout + found.stderr
