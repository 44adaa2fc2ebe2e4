"""Engines: what the only module that knows ONNX Runtime takes, refuses, and keeps it from doing."""

import os
import subprocess
import sys

import numpy as np
import pytest
from tests.models import with_external_data

from sightserve.backend.errors import ModelLoadError
from sightserve.backend.slot.engine import FEATURES, PROBABILITIES
from sightserve.backend.slot.onnx_engine import OnnxEngine
from sightserve.bundle.manifest import default_bundle_path, load_bundle

GREY = np.full((2, 64, 96, 3), 128, dtype=np.uint8)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer, shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def with_output(model: bytes, name: str) -> bytes:
    """The model with one of its inner tensors as another output: fields of messages that come twice are merged."""
    graph, output, its_name = 7, 12, 1  # ModelProto.graph, GraphProto.output, ValueInfoProto.name in onnx.proto
    return model + field(graph, field(output, field(its_name, name.encode())))


@pytest.fixture(scope="module")
def model() -> bytes:
    return bytes(load_bundle(default_bundle_path()).model_bytes)


def test_an_engine_says_each_output_under_its_name(model):
    outputs = OnnxEngine(model, size=None, classes=1000).infer(GREY)

    assert list(outputs) == [PROBABILITIES]
    assert outputs[PROBABILITIES].shape == (2, 1000)
    assert outputs[PROBABILITIES].sum(axis=1) == pytest.approx([1, 1], abs=1e-3)


def test_a_model_may_have_more_outputs_than_its_probabilities(model):
    """A feature map for heat maps, say: another shape, so that nobody takes it for the probabilities."""
    more = with_output(model, "pool.stored")
    plain = OnnxEngine(model, size=None, classes=1000).infer(GREY)

    outputs = OnnxEngine(more, size=None, classes=1000).infer(GREY)

    assert np.array_equal(outputs[PROBABILITIES], plain[PROBABILITIES])


def test_features_come_when_they_are_asked_for(model):
    engine = OnnxEngine(model, size=None, classes=1000, features="features")

    outputs = engine.infer(GREY, features=True)

    assert outputs[FEATURES].shape == (2, 2, 3, 1280)  # 64 x 96 pixels, halved five times
    assert FEATURES not in engine.infer(GREY)


@pytest.mark.parametrize("promised", [{"size": (64, 64)}, {"size": (4, 5)}, {"size": None}, {"classes": 10}])
def test_a_model_that_is_not_as_promised_is_not_loaded(promised):
    graph, weights = with_external_data("w.bin")

    with pytest.raises(ModelLoadError, match="the manifest promises one"):
        OnnxEngine(graph, {"w.bin": weights}, **{"size": (4, 4), "classes": 3} | promised)


def test_a_model_that_takes_any_size_takes_one_that_is_promised(model):
    assert OnnxEngine(model, size=(96, 64), classes=1000).infer(GREY)[PROBABILITIES].shape == (2, 1000)


def test_an_output_that_is_named_has_to_be_there_and_is_the_one_that_is_taken(model):
    assert OnnxEngine(model, size=None, classes=1000, output="probabilities").infer(GREY)[PROBABILITIES].shape == (
        2,
        1000,
    )

    with pytest.raises(ModelLoadError, match="promises an output 'nowhere'"):
        OnnxEngine(model, size=None, classes=1000, output="nowhere")


def test_a_feature_map_that_is_promised_has_to_be_there(model):
    with pytest.raises(ModelLoadError, match="promises an output 'nowhere'"):
        OnnxEngine(model, size=None, classes=1000, features="nowhere")


def test_what_is_no_model_is_not_loaded():
    with pytest.raises(ModelLoadError, match="cannot load"):
        OnnxEngine(b"no model", size=(224, 224), classes=1000)


def test_onnx_runtime_leaves_nothing_in_the_home_directory(tmp_path):
    """Left alone, it writes an identifier for its telemetry there when it is imported."""
    environment = {k: v for k, v in os.environ.items() if k not in {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}}

    code = "import sightserve.backend.slot.onnx_engine"
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True)

    assert list(tmp_path.rglob("*")) == []
