"""Models that keep weights in files beside their graph: these are verified like it, and no others are ever read."""

import json

import numpy as np
import pytest
from tests.models import with_external_data, write_bundle

from sightserve.backend.errors import ModelLoadError
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.bundle.errors import BundleCorruptError, BundleNotFoundError, ManifestInvalidError
from sightserve.bundle.manifest import load_bundle


def engine(graph, external):
    return OnnxEngine(graph, external, size=(4, 4), classes=3)


def test_a_model_works_with_the_weights_beside_it(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / "bundle"))

    made = engine(bundle.model_bytes, bundle.external_data)
    probabilities = made.infer(np.full((2, 4, 4, 3), 255, dtype=np.uint8))["probabilities"]

    assert probabilities.argmax(axis=1).tolist() == [2, 2]
    assert bundle.size == len(bundle.model_bytes) + len(bundle.external_data["weights.bin"])


def test_weights_that_were_changed_are_refused(tmp_path):
    directory = write_bundle(tmp_path / "bundle")
    (directory / "weights.bin").write_bytes(bytes(576))

    with pytest.raises(BundleCorruptError, match=r"weights\.bin is not the file"):
        load_bundle(directory)


def test_weights_that_are_missing_are_named(tmp_path):
    directory = write_bundle(tmp_path / "bundle")
    (directory / "weights.bin").unlink()

    with pytest.raises(BundleNotFoundError, match=r"weights\.bin is missing"):
        load_bundle(directory)


@pytest.mark.parametrize("name", ["../weights.bin", "/etc/passwd", "a/weights.bin", ".."])
def test_a_manifest_names_no_weights_outside_of_its_directory(tmp_path, name):
    directory = write_bundle(tmp_path / "bundle")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["external_data"][0]["file"] = name
    (directory / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ManifestInvalidError, match="external_data"):
        load_bundle(directory)


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "sub/weights.bin"])
def test_a_graph_reads_no_file_that_was_not_verified(tmp_path, monkeypatch, location):
    """ONNX Runtime would look in the folder that the process happens to run in."""
    graph, weights = with_external_data(location)
    where = tmp_path / "here" / location
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_bytes(weights)
    (tmp_path / "here").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "here")

    with pytest.raises(ModelLoadError, match="not found"):
        engine(graph, {})
    with pytest.raises(ModelLoadError, match="not found"):
        engine(graph, {"other.bin": weights})
