"""A head in a network's graph: an ordinary bundle that says what the head says."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tests.unit.models import nets
from tests.unit.training.drawn_features import features, learned

from sightserve.backend.job import Job
from sightserve.bundle.manifest import EMBEDDED, embedded_bundle_path, load_bundle
from sightserve.models.served import Served
from sightserve.models.write import write as write_files
from sightserve.training.bundle import write
from sightserve.training.errors import TrainError
from sightserve.training.graft import graft, own_weights

LABELS = ["ripe", "rotten", "unripe"]


@pytest.fixture(scope="module")
def head():
    """Three apples by 1,280 numbers."""
    return learned(features(LABELS * 8, apart=4, size=1280), none_of_these=True)


@pytest.fixture
def trained(tmp_path, head):
    def make(base: str) -> Path:
        report = head.report(name="red-apples", version="1", base=base)
        write(tmp_path, load_bundle(embedded_bundle_path(base)), head, report)
        return Path(tmp_path)

    return make


@pytest.mark.parametrize("base", EMBEDDED)
def test_the_bundle_says_what_the_head_says_of_the_features_and_its_heat_map_adds_up(trained, base, head, cat):
    directory = trained(base)
    served = Served(directory)
    model = onnx.load(str(directory / "model.onnx"))
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("pooled.real", onnx.TensorProto.FLOAT, ["batch", 1280])
    )
    session = ort.InferenceSession(model.SerializeToString())
    cells = ort.InferenceSession(str(directory / "class_map.onnx"))

    probabilities, feature_map, vectors = session.run(None, {"image": served.pixels(cat)})
    (shares,) = cells.run(None, {"features": feature_map})

    logits = vectors @ head.weights.T + head.bias
    # cells are rounded each by itself, their mean once more
    assert shares.sum(axis=(1, 2)) == pytest.approx(logits, abs=0.02 * float(np.abs(head.weights).sum(axis=1).max()))
    powers = np.exp(logits - logits.max())
    assert probabilities == pytest.approx(powers / powers.sum(), abs=1e-5)
    warm = np.exp((logits - logits.max()) / head.temperature)
    # served as it is decoded fastest, here as exactly
    assert served(cat) == pytest.approx((warm / warm.sum())[0], abs=0.05)


def test_the_bundle_tells_what_it_is(trained, head):
    bundle = load_bundle(trained("fast"))
    base = load_bundle(embedded_bundle_path("fast"))

    manifest = bundle.manifest
    assert bundle.labels == tuple(LABELS)
    assert (manifest.name, manifest.page.title, manifest.page.question) == (
        "red-apples", "Red apples", "Which red apples is it?",
    )  # fmt: skip
    assert manifest.input == base.manifest.input
    assert manifest.license == base.manifest.license
    assert manifest.calibration is not None
    assert manifest.calibration.least_probability == head.least_probability
    assert manifest.calibration.least_standout is None  # that was the base's
    assert manifest.accuracy is not None
    assert manifest.accuracy.top1 == pytest.approx(head.accuracy.value, abs=1e-4)
    assert (bundle.directory / "NOTICE").read_bytes() == (base.directory / "NOTICE").read_bytes()
    assert json.loads((bundle.directory / "report.json").read_text())["labels"] == LABELS
    assert bundle.size < base.size  # int8 as before, and a thousand classes less


def test_a_heat_map_is_made_of_the_own_classes(trained, cat):
    served = Served(trained("fast"))

    answer = json.loads(served._pipeline.classify(Job(cat, top_k=1, heat_map=True, heat_map_of=2)))

    assert (answer["heat_map"]["method"], answer["heat_map"]["label"]) == ("class_activation", "unripe")


def test_a_trained_model_is_a_base_too(trained, head, tmp_path):
    first = load_bundle(trained("fast"))
    two = learned(features(["a", "b"] * 8, apart=4, size=1280))

    (again := tmp_path / "again").mkdir()
    write(again, first, two, two.report(name="again", version="1", base="red-apples"))

    assert load_bundle(again).labels == ("a", "b")
    assert load_bundle(again).class_map
    assert own_weights(first) == pytest.approx(head.weights)


def test_the_networks_own_weights_are_read():
    base = load_bundle(embedded_bundle_path("fast"))

    weights = own_weights(base)
    assert weights is not None
    assert weights.shape == (1000, 1280)
    assert 0.01 < weights.std() < 1


def test_a_network_with_weights_beside_it_is_grafted_on_and_has_no_class_map(tmp_path, cat):
    (folder := tmp_path / "base").mkdir()
    model = onnx.load(str(nets.network(tmp_path / "net.onnx", layout="NHWC", activation="Softmax")))
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    model.graph.node.insert(0, onnx.helper.make_node("Cast", ["bytes"], [model.graph.input[0].name], to=1))
    model.graph.input[0].name = "bytes"
    onnx.save(model, str(tmp_path / "graph.onnx"), save_as_external_data=True, location="graph.data", size_threshold=0)
    write_files(
        folder, tmp_path / "graph.onnx", [f"class {at}" for at in range(5)], [],
        name="base", version="1", description="", source="", license="MIT",
        input={"fit": "squash", "height": 32, "width": 32, "interpolation": "bilinear"},
    )  # fmt: skip
    base = load_bundle(folder)
    weights = own_weights(base)
    assert weights is not None
    two = learned(features(["a", "b"] * 8, apart=4, size=weights.shape[1]))

    (made := tmp_path / "made").mkdir()
    write(made, base, two, two.report(name="made", version="1", base="base"))

    assert load_bundle(made).manifest.heat_map is None
    assert Served(made)(cat).sum() == pytest.approx(1)


def test_a_network_that_ends_otherwise_is_refused(tmp_path):
    base = load_bundle(embedded_bundle_path("fast"))
    graph = onnx.load_from_string(bytes(base.model_bytes))
    graph.graph.node[-1].op_type = "Sigmoid"
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    other = type(base)(base.manifest, tmp_path, b"", base.labels)

    with pytest.raises(TrainError, match="Sigmoid"):
        graft(other, np.zeros((2, 1280), np.float32), np.zeros(2, np.float32), tmp_path)


@pytest.mark.parametrize("label", ["two\nlines", " spaces ", "bell\a", ""])
def test_a_label_that_no_bundle_can_have_is_refused(tmp_path, head, label):
    report = head.report(name="x", version="1", base="fast").model_copy(update={"labels": ("a", label, "b")})

    with pytest.raises(TrainError, match="cannot be one"):
        write(tmp_path, load_bundle(embedded_bundle_path("fast")), head, report)
