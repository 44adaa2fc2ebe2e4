"""The main job on real photos: the same labels in process, through the API as a form, and as the raw body."""

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from tests.conftest import PHOTOS
from tests.processes import clean_environment

from sightserve.backend.build import load
from sightserve.backend.settings import Settings
from sightserve.backend.slot.engine import PROBABILITIES
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import input_geometry

LEAST_TOP_1, LEAST_TOP_5 = 0.87, 0.96  # measured: 0.905 and 0.985
MEGAPIXELS_12 = 12_000_000


def assert_accurate(ranked: list[tuple[list[int], int]]) -> None:
    """Check (the five predicted indices, the true index) of every photo."""
    assert len(ranked) == 200
    assert sum(top[0] == truth for top, truth in ranked) / len(ranked) >= LEAST_TOP_1
    assert sum(truth in top for top, truth in ranked) / len(ranked) >= LEAST_TOP_5


def indices(body: dict[str, Any]) -> list[int]:
    return [entry["index"] for entry in body["top_k"]]


@pytest.mark.slow
@pytest.mark.parametrize("through", ["this process", "the backend"])
def test_the_command_line_on_real_photos(labelled_photos, backend_url, through):
    words = ["--backend", backend_url] if through == "the backend" else []
    command = [sys.executable, "-m", "sightserve", "classify", "--json", *words, str(PHOTOS)]

    run = subprocess.run(command, capture_output=True, check=True, text=True, env=clean_environment())

    truth = {path.name: index for path, index in labelled_photos}
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert_accurate([(indices(answer), truth[answer["filename"]]) for answer in answers])


@pytest.mark.parametrize("way", ["form", "raw body"])
def test_the_api_on_real_photos(labelled_photos, backend_url, way):
    def ask(photo: tuple[Path, int]) -> tuple[list[int], int]:
        path, truth = photo
        data = path.read_bytes()
        body: dict[str, Any] = (
            {"files": {"file": (path.name, data, "image/jpeg")}} if way == "form" else {"content": data}
        )
        return indices(http.post(f"{backend_url}/predict", **body).json()), truth

    with httpx2.Client(timeout=30) as http, ThreadPoolExecutor(4) as pool:
        assert_accurate(list(pool.map(ask, labelled_photos)))


def enlarged(data: bytes) -> bytes:
    """The same photo as a 12-megapixel camera would give it."""
    with Image.open(io.BytesIO(data)) as image:
        scale = (MEGAPIXELS_12 / (image.width * image.height)) ** 0.5
        size = (round(image.width * scale), round(image.height * scale))
        buffer = io.BytesIO()
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()


def reduced_agreement(photos: list[bytes]) -> float:
    """How often the reduced-scale decode and the full one lead to the same top-1."""
    bundle = load(Settings())
    spec = bundle.manifest.input
    geometry = input_geometry(spec.model_dump())
    engine = OnnxEngine(bundle.model_bytes, size=geometry.fixed, classes=bundle.manifest.classes)
    shape = (geometry, spec.interpolation, 50_000_000)
    decoders = Decoder(*shape), Decoder(*shape, oversampling=1e9)

    def top_1(decoder: Decoder, data: bytes) -> int:
        return int(engine.infer(decoder.decode(data).pixels[None])[PROBABILITIES][0].argmax())

    return sum(len({top_1(decoder, data) for decoder in decoders}) == 1 for data in photos) / len(photos)


@pytest.mark.slow
def test_the_reduced_scale_decode_costs_no_accuracy(labelled_photos):
    assert reduced_agreement([path.read_bytes() for path, _ in labelled_photos]) >= 0.98


@pytest.mark.slow
def test_nor_does_it_on_12_megapixel_photos(labelled_photos):
    assert reduced_agreement([enlarged(path.read_bytes()) for path, _ in labelled_photos[::2]]) >= 0.98
