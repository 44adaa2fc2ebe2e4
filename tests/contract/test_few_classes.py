"""Models with fewer classes than an answer usually has: every way to ask works, and only who asks for too many is told so."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from tests.networks import COLOURS, LIGHT, write
from tests.processes import clean_environment, running_backend

from sightserve.api.schema import Prediction
from sightserve.client import ApiError, AsyncClient, Client

pytestmark = pytest.mark.slow  # starts servers


def photo(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "PNG")
    return buffer.getvalue()


RED, WHITE = photo((250, 10, 10)), photo((255, 255, 255))


@pytest.fixture(scope="module", params=[LIGHT, COLOURS], ids=["2", "3"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    folder = tmp_path_factory.mktemp("few")
    bundle = write(folder / "few", request.param)
    with running_backend(folder / "log", "--model", str(bundle), "--cpus", "1") as backend:
        yield backend.url, bundle, request.param


def sightserve(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightserve", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment(), timeout=90)


def test_who_does_not_say_how_many_gets_all_that_there_are(served):
    url, _, labels = served

    with Client(url) as client:
        said = client.predict(RED)
        batch = client.predict_batch([RED, WHITE])
        many = list(client.predict_many([RED, WHITE]))
    plain = httpx2.post(f"{url}/predict", content=RED).json()

    assert said.prediction == ("red" if "red" in labels else "dark")
    assert {entry.label for entry in said.top_k} == set(labels)
    assert [len(item.result.top_k) for item in batch.results if item.result] == [len(labels)] * 2
    assert [len(item.prediction.top_k) for item in many if item.prediction] == [len(labels)] * 2
    assert plain["top_k"] == [entry.model_dump() for entry in said.top_k]


def test_so_does_the_asynchronous_client(served):
    url, _, labels = served

    async def ask() -> Prediction:
        async with AsyncClient(url) as client:
            return await client.predict(WHITE)

    assert len(asyncio.run(ask()).top_k) == len(labels)


def test_who_asks_for_more_than_there_are_is_told(served):
    url, _, labels = served

    with Client(url) as client, pytest.raises(ApiError, match=f"between 1 and {len(labels)}"):
        client.predict(RED, top_k=5)


@pytest.mark.parametrize("remote", [False, True])
def test_the_command_line_does_too(served, tmp_path, remote):
    url, bundle, labels = served
    (tmp_path / "red.png").write_bytes(RED)
    where = ["--backend", url] if remote else ["--model", str(bundle)]

    unasked = sightserve("classify", *where, "--json", str(tmp_path / "red.png"))
    too_many = sightserve("classify", *where, "-k", "5", str(tmp_path / "red.png"))

    assert unasked.returncode == 0, unasked.stderr
    assert len(json.loads(unasked.stdout)["top_k"]) == len(labels)
    assert too_many.returncode != 0
    assert f"between 1 and {len(labels)}" in too_many.stderr


def test_a_load_test_of_such_a_model_has_no_failures(served, tmp_path):
    url, _, _ = served
    load = ["--users", "2", "--spawn-rate", "10", "--run-time", "2s", "--api-every", "100ms", "--batches", "30%"]

    found = sightserve("loadtest", "--backend", url, *load, "--failures", "0%", "--json", str(tmp_path / "run.json"))

    assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads((tmp_path / "run.json").read_text())["totals"]["failed"] == 0


def test_the_line_for_curl_that_the_documentation_shows_works(served):
    url, _, _ = served
    shown = httpx2.get(f"{url}/openapi.json").json()["info"]["description"]
    path = shown.split("'http://127.0.0.1:8000")[1].split("'")[0]

    assert httpx2.post(url + path, content=RED).status_code == 200
