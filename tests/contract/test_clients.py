"""Clients that offer HTTP/2 with their first request, whose body many servers lose then (see tools/install_clients.sh)."""

import json
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("java") / "Send.java"

pytestmark = pytest.mark.slow


def test_a_stock_java_client_gets_every_photo_answered(backend_url, tmp_path, espresso):
    photo = tmp_path / "espresso.jpg"
    photo.write_bytes(espresso)
    words = ["java", str(PROGRAM), f"{backend_url}/predict?top_k=1", str(photo)]  # compiles it first

    told = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout

    answers = [line.split(" ", 1) for line in told.splitlines()]
    assert [status for status, _ in answers] == ["200"] * 8
    labels = [json.loads(body).get("prediction", "alive") for _, body in answers]
    assert labels == ["espresso", "espresso", "espresso", "alive"] * 2


def test_curl_that_offers_http_2_gets_its_photo_answered(backend_url, tmp_path, espresso):
    photo = tmp_path / "espresso.jpg"
    photo.write_bytes(espresso)
    ways = (["--form", f"file=@{photo}"], ["--data-binary", f"@{photo}", "--header", "Content-Type: image/jpeg"])

    for way in ways:
        words = ["curl", "--silent", "--http2", *way, f"{backend_url}/predict"]
        told = subprocess.run(words, check=True, capture_output=True).stdout
        assert json.loads(told)["prediction"] == "espresso"
