"""A bundle is verified before anything uses it, and every refusal names the file and what is wrong."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sightserve.bundle.errors import (
    BundleCorruptError,
    BundleError,
    BundleNotFoundError,
    LabelsInvalidError,
    ManifestInvalidError,
)
from sightserve.bundle.manifest import load_bundle
from sightserve.imaging.geometry import input_geometry

MODEL = b"not a graph: the bundle looks at bytes, the session at what they mean"
LABELS = "cat\ndog\n"


def write_bundle(directory: Path, *, names: str = LABELS, **changes: Any) -> Path:
    """Write a bundle of two classes that is right but for the changes, which replace the manifest's top-level keys."""
    (directory / "model.onnx").write_bytes(MODEL)
    (directory / "labels.txt").write_bytes(names.encode())
    manifest = {
        "format": 1,
        "name": "pets",
        "version": "1",
        "description": "cats and dogs",
        "model": {"file": "model.onnx", "sha256": hashlib.sha256(MODEL).hexdigest()},
        "labels": {"file": "labels.txt", "sha256": hashlib.sha256(names.encode()).hexdigest()},
        "classes": 2,
        "input": {"height": 32, "width": 48, "crop": 1.0, "interpolation": "bilinear"},
        "source": "trained at home",
        "license": "MIT",
    }
    (directory / "manifest.json").write_text(json.dumps(manifest | changes))
    return directory


def test_a_bundle_holds_the_verified_bytes_and_the_labels_in_order(tmp_path):
    directory = write_bundle(tmp_path)

    bundle = load_bundle(directory)

    assert bundle.model_bytes == MODEL
    assert bundle.labels == ("cat", "dog")
    assert bundle.manifest.input.model_dump(exclude_none=True) == {
        "fit": "crop",
        "height": 32,
        "width": 48,
        "fraction": 1.0,
        "antialias": True,
        "decode": "fast",
        "rounding": "torchvision",
        "interpolation": "bilinear",
    }
    assert bundle.manifest.accuracy is None


def test_the_bytes_stay_those_that_were_verified_when_the_file_is_replaced_afterwards(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path))

    (tmp_path / "model.onnx").write_bytes(b"something else")

    assert bundle.model_bytes == MODEL


def test_labels_written_on_windows_lose_their_carriage_returns(tmp_path):
    directory = write_bundle(tmp_path, names="cat\r\ndog\r\n")

    bundle = load_bundle(directory)

    assert bundle.labels == ("cat", "dog")


def test_a_path_that_is_no_directory_is_named(tmp_path):
    with pytest.raises(BundleNotFoundError, match="nowhere is not a directory"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "labels.txt"])
def test_a_missing_file_is_named(tmp_path, name):
    directory = write_bundle(tmp_path)
    (directory / name).unlink()

    with pytest.raises(BundleNotFoundError, match=f"{name} is missing"):
        load_bundle(directory)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    directory = write_bundle(tmp_path)
    (directory / "model.onnx").unlink()
    (directory / "model.onnx").mkdir()

    with pytest.raises(BundleNotFoundError, match=r"model\.onnx cannot be read"):
        load_bundle(directory)


@pytest.mark.parametrize("name", ["model.onnx", "labels.txt"])
def test_a_changed_file_is_refused_with_both_hashes(tmp_path, name):
    directory = write_bundle(tmp_path)
    expected = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    (directory / name).write_bytes(b"changed")
    found = hashlib.sha256(b"changed").hexdigest()

    with pytest.raises(BundleCorruptError, match=f"{name}.*expected sha256 {expected}, found {found}"):
        load_bundle(directory)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ("cat\n", "has 1 labels, the model has 2 classes"),
        ("cat\ndog\ncow\n", "has 3 labels, the model has 2 classes"),
        ("cat\ndog\n\n", "has 3 labels, the model has 2 classes"),
        ("cat\n  \n", "empty label in line 2"),
        ("cat\ncat\n", "'cat' 2 times"),
    ],
)
def test_labels_that_do_not_name_every_class_once_are_refused(tmp_path, labels, complaint):
    directory = write_bundle(tmp_path, names=labels)

    with pytest.raises(LabelsInvalidError, match=complaint):
        load_bundle(directory)


def test_labels_that_are_not_utf8_are_refused(tmp_path):
    latin1 = "caf\xe9\ndog\n".encode("latin-1")
    reference = {"file": "labels.txt", "sha256": hashlib.sha256(latin1).hexdigest()}
    directory = write_bundle(tmp_path, labels=reference)
    (directory / "labels.txt").write_bytes(latin1)

    with pytest.raises(LabelsInvalidError, match="not UTF-8"):
        load_bundle(directory)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "a/b.onnx", "a\\b.onnx", "..", ".hidden", ""])
def test_a_file_name_cannot_leave_the_directory(tmp_path, name):
    directory = write_bundle(tmp_path, model={"file": name, "sha256": hashlib.sha256(MODEL).hexdigest()})

    with pytest.raises(ManifestInvalidError, match=r"model\.file"):
        load_bundle(directory)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"manifest"'])
def test_a_manifest_that_is_not_a_json_object_is_refused(tmp_path, text):
    directory = write_bundle(tmp_path)
    (directory / "manifest.json").write_text(text)

    with pytest.raises(ManifestInvalidError, match=r"manifest\.json is not a manifest"):
        load_bundle(directory)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"format": 3}, "format"),
        ({"format": 2}, "input"),
        ({"heat_map": None}, "heat_map"),
        ({"classes": 1}, "classes"),
        ({"colour": "blue"}, "colour"),
        ({"model": {"file": "model.onnx", "sha256": "abc"}}, r"model\.sha256"),
        ({"input": {"height": 32, "width": 32, "crop": 0, "interpolation": "bicubic"}}, r"input\.crop"),
        ({"input": {"height": 0, "width": 32, "crop": 1, "interpolation": "bicubic"}}, r"input\.crop\.height"),
        ({"input": {"height": 32, "width": 32, "crop": 1, "interpolation": "magic"}}, r"input\.crop\.interpolation"),
        ({"accuracy": {"data": "mine", "photos": 10, "top1": 87.5}}, r"accuracy\.top1"),
    ],
)
def test_a_manifest_with_a_wrong_value_is_refused_and_the_value_named(tmp_path, changes, where):
    directory = write_bundle(tmp_path, **changes)

    with pytest.raises(ManifestInvalidError, match=where):
        load_bundle(directory)


WHOLE = {"fit": "whole", "shorter_side": 64, "interpolation": "bicubic"}


@pytest.mark.parametrize(
    "spec",
    [
        WHOLE,
        WHOLE | {"multiple": 16, "widest": 2.5},
        {"fit": "crop", "height": 32, "width": 48, "resize": 40, "interpolation": "bilinear"},
        {"fit": "crop", "height": 32, "width": 48, "fraction": 0.9, "interpolation": "bilinear"},
        {"fit": "squash", "height": 32, "width": 48, "interpolation": "bilinear"},
        {"fit": "squash", "height": 32, "width": 48, "resize": [40, 60], "interpolation": "bilinear"},
        {"fit": "pad", "height": 32, "width": 48, "interpolation": "box"},
        {"fit": "pad", "height": 32, "width": 48, "colour": [1, 2, 3], "align": "start", "interpolation": "box"},
    ],
)
def test_format_2_says_how_a_photo_becomes_the_input(tmp_path, spec):
    manifest = load_bundle(write_bundle(tmp_path, format=2, input=spec)).manifest

    placement = input_geometry(manifest.input.model_dump(mode="json")).place(400, 300)

    # 64 x 4 / 3 is 85.3 pixels, and nearest to that of the multiples of 32 is 96, of 16 it is 80
    whole = (80, 64) if "multiple" in spec else (96, 64)
    assert placement.input_size == (whole if spec["fit"] == "whole" else (48, 32))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (WHOLE | {"shorter_side": 50}, "multiple of 32"),
        ({"fit": "crop", "height": 3, "width": 4, "interpolation": "box"}, "either resize"),
        ({"fit": "crop", "height": 3, "width": 4, "resize": 5, "fraction": 1, "interpolation": "box"}, "either resize"),
        ({"fit": "guess", "height": 3, "width": 4, "interpolation": "box"}, "guess"),
        ({"fit": "pad", "height": 3, "width": 4, "colour": [0, 0, 256], "interpolation": "box"}, "colour"),
        (WHOLE | {"height": 64}, "height"),
    ],
)
def test_an_input_that_says_nothing_or_too_much_is_refused(tmp_path, spec, why):
    with pytest.raises(ManifestInvalidError, match=why):
        load_bundle(write_bundle(tmp_path, format=2, input=spec))


def test_all_that_format_2_names_is_verified(tmp_path):
    content = b"a graph, or a photo"
    (tmp_path / "other").write_bytes(content)
    ref = {"file": "other", "sha256": hashlib.sha256(content).hexdigest()}
    more: dict[str, Any] = {
        "format": 2,
        "input": WHOLE,
        "output": {"meaning": "independent", "name": "scores"},
        "heat_map": {"output": "features", "classifier": ref},
        "calibration": {"temperature": 0.7, "data": "mine", "error_before": 0.2, "error_after": 0.03},
        "page": {"title": "Pets", "question": "Which pet?", "samples": [{"title": "Tom", "photo": ref}]},
    }

    bundle = load_bundle(write_bundle(tmp_path, **more))

    assert (bundle.class_map, bundle.samples, bundle.manifest.temperature) == (content, (content,), 0.7)
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(BundleCorruptError, match="other"):
        load_bundle(tmp_path)


def test_what_nobody_measured_may_be_left_out_of_the_accuracy(tmp_path):
    directory = write_bundle(tmp_path, accuracy={"data": "my own photos", "photos": 40, "top1": 0.9})

    bundle = load_bundle(directory)

    assert bundle.manifest.accuracy is not None
    assert bundle.manifest.accuracy.top5 is None


def test_one_except_clause_catches_every_refusal():
    refusals = (BundleNotFoundError, ManifestInvalidError, BundleCorruptError, LabelsInvalidError)

    assert all(issubclass(refusal, BundleError) for refusal in refusals)
