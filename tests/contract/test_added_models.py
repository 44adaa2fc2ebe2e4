"""Classifiers that others trained, added by one command and served, say what their own pipelines say: of 100 photos, all."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image
from tests import foreign, onnx_models
from tests.processes import clean_environment, running_backend

from sightserve.client import Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
Pipeline = Callable[[Image.Image], np.ndarray[Any, Any]]


def run(path: Path, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = _session(path)
    return np.asarray(session.run(None, {session.get_inputs()[0].name: values.astype(np.float32)})[0][0])


_SESSIONS: dict[Path, Any] = {}


def _session(path: Path) -> Any:
    if path not in _SESSIONS:
        _SESSIONS[path] = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return _SESSIONS[path]


def opencv_linear(image: Image.Image, width: int, height: int) -> np.ndarray[Any, Any]:
    """cv2.resize with INTER_LINEAR, written out: between the four nearest pixels, whatever is between two results."""
    pixels = np.asarray(image, dtype=np.float64)
    for axis, want in enumerate((height, width)):
        have = pixels.shape[axis]
        at = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0, have - 1)
        low = at.astype(int)
        share = np.expand_dims(at - low, (1, 2) if axis == 0 else (0, 2))
        pixels = pixels.take(low, axis) * (1 - share) + pixels.take(np.minimum(low + 1, have - 1), axis) * share
    return np.rint(pixels)


def of_text_direction(image: Image.Image) -> np.ndarray[Any, Any]:
    """PP-OCR's classifier: 48 px high, at most 192 wide, the rest of it zeros after (value / 255 - 0.5) / 0.5."""
    scale = min(192 / image.width, 48 / image.height)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    values = np.zeros((48, 192, 3))
    values[:height, :width] = opencv_linear(image, width, height) / 127.5 - 1
    values[:, width:], values[height:] = 128 / 127.5 - 1, 128 / 127.5 - 1
    return run(foreign.text_direction(), values.transpose(2, 0, 1)[None])


def of_open_nsfw(image: Image.Image) -> np.ndarray[Any, Any]:
    """Yahoo's: squashed to 256, through a JPEG, the middle 224, blue first, less the mean of VGG's photos."""
    buffer = io.BytesIO()
    image.resize((256, 256), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=95, subsampling=0)
    pixels = np.asarray(Image.open(buffer), dtype=np.float32)[16:240, 16:240, ::-1]
    return run(foreign.open_nsfw(), (pixels - np.array([104, 117, 123], dtype=np.float32))[None])


def of_page_orientation(image: Image.Image) -> np.ndarray[Any, Any]:
    """PaddleClas: the shorter side to 256 by OpenCV, the middle 224, ImageNet's mean and std."""
    scale = 256 / min(image.size)
    width, height = round(image.width * scale), round(image.height * scale)
    left, top = (width - 224) // 2, (height - 224) // 2
    pixels = opencv_linear(image, width, height)[top : top + 224, left : left + 224]
    values = (pixels / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    return run(foreign.page_orientation(), values.transpose(2, 0, 1)[None])


def of_ultralytics(path: Path) -> Pipeline:
    """Ultralytics: torchvision's Resize and CenterCrop with PIL, 0 to 1."""

    def pipeline(image: Image.Image) -> np.ndarray[Any, Any]:
        width, height = image.size
        size = (64, int(64 * height / width)) if width <= height else (int(64 * width / height), 64)
        resized = image.resize(size, Image.Resampling.BILINEAR)
        left, top = round((resized.width - 64) / 2.0), round((resized.height - 64) / 2.0)
        pixels = np.asarray(resized.crop((left, top, left + 64, top + 64)), dtype=np.float32) / 255
        return run(path, pixels.transpose(2, 0, 1)[None])

    return pipeline


def added(source: Path, models: Path, *flags: str) -> str:
    """Add a model with the command and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "sightserve", "model", "add", str(source), "--name", "mine", *flags],
        env=clean_environment(SIGHTSERVE_MODELS_DIR=str(models), COLUMNS="200"),
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def agrees(pipeline: Pipeline, labels: list[str], photos: list[Path], models: Path, log: Path) -> list[str]:
    """Serve the model that was added, and return the photos of which it says something else than its own pipeline."""
    with (
        running_backend(log, "--model", "mine", SIGHTSERVE_MODELS_DIR=str(models)) as backend,
        Client(backend.url) as client,
    ):
        different = []
        for photo in photos:
            own = pipeline(Image.open(photo).convert("RGB"))
            answer = client.predict(photo)
            if answer.prediction != labels[int(own.argmax())]:
                different.append(f"{photo.name}: {answer.prediction} {answer.probability:.3f}, {own}")
        return different


@pytest.fixture
def photos(labelled_photos: list[tuple[Path, int]]) -> list[Path]:
    return [path for path, _ in labelled_photos[::2]]


def labels_file(tmp_path: Path, labels: list[str]) -> str:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(labels) + "\n")
    return str(path)


def test_text_direction_48_x_192_with_free_sides(photos: list[Path], tmp_path: Path) -> None:
    labels, folder = ["0", "180"], str(photos[0].parent)
    flags = (
        "--size",
        "48x192",
        "--fit",
        "pad",
        "--align",
        "start",
        "--colour",
        "128",
        "--no-antialias",
        "--values",
        "-1 to 1",
    )

    said = added(
        foreign.text_direction(),
        tmp_path / "models",
        *flags,
        "--labels",
        labels_file(tmp_path, labels),
        "--photos",
        folder,
    )

    assert "The same first class as its own pipeline on 100.0%" in said
    assert agrees(of_text_direction, labels, photos, tmp_path / "models", tmp_path / "log") == []


def test_open_nsfw_from_2016_and_opset_9(photos: list[Path], tmp_path: Path) -> None:
    labels = ["safe", "not safe"]
    flags = (
        "--fit",
        "squash",
        "--resize",
        "256",
        "--channels",
        "bgr",
        "--mean",
        "123,117,104",
        "--std",
        "1",
        "--no-int8",
    )

    said = added(foreign.open_nsfw(), tmp_path / "models", *flags, "--labels", labels_file(tmp_path, labels))

    assert "The same first class as its own pipeline on 100.0%" in said
    assert agrees(of_open_nsfw, labels, photos, tmp_path / "models", tmp_path / "log") == []


def test_page_orientation_with_its_labels_in_the_file(photos: list[Path], tmp_path: Path) -> None:
    said = added(
        foreign.page_orientation(),
        tmp_path / "models",
        "--resize",
        "256",
        "--values",
        "imagenet",
        "--no-antialias",
        "--rounding",
        "paddle",
        "--no-int8",
    )

    assert "4: 0, 90, 180, 270" in said
    assert agrees(of_page_orientation, ["0", "90", "180", "270"], photos, tmp_path / "models", tmp_path / "log") == []


def test_a_file_as_ultralytics_writes_it_needs_no_flag(photos: list[Path], tmp_path: Path) -> None:
    labels = ["cat", "dog", "owl"]
    path = onnx_models.save(onnx_models.ultralytics(labels, 64), tmp_path / "best.onnx")

    said = added(path, tmp_path / "models", "--photos", str(photos[0].parent))

    assert "3: cat, dog, owl" in said
    assert "resize 64, crop 64, bilinear" in said
    assert agrees(of_ultralytics(path), labels, photos, tmp_path / "models", tmp_path / "log") == []
