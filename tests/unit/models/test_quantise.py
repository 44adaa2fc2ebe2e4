"""int8 forms of networks, made by the real quantiser and run by the real engine."""

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.unit.models.nets import network as small_network

from sightserve.models import int8
from sightserve.models.biases import correct_biases
from sightserve.models.errors import NetworkError
from sightserve.models.network import session_of
from sightserve.models.quantise import LEAST_PHOTOS, quantise
from sightserve.models.turns import Reference, Running

SIDE, CLASSES = 32, 6


def photos(count: int = 24) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    tints = random.integers(0, 200, (count, 1, 1, 1, 3))
    return [(tint + random.integers(0, 56, (1, SIDE, SIDE, 3))).astype(np.uint8) for tint in tints]


def convolutions(
    path: Path, *, activation: str = "Clip", ending: str = "Softmax", opset: int = 17, outside: bool = False
) -> Path:
    """What `wrap` makes of a small network with ReLU6: bytes in, normalised, three layers, probabilities."""
    random = np.random.default_rng(5)
    constants = {
        "mean": np.full((1, 3, 1, 1), 127.0),
        "scale": np.full((1, 3, 1, 1), 1 / 64),
        "w1": random.normal(0, 0.3, (16, 3, 3, 3)),
        "b1": random.normal(0, 0.5, 16),
        "w2": random.normal(0, 0.2, (16, 16, 3, 3)),
        "w3": random.normal(0, 0.6, (16, CLASSES)),
        "b3": np.zeros(CLASSES),
        "low": np.array(0.0),
        "high": np.array(6.0),
    }
    bounds = ["low", "high"] if activation == "Clip" else []
    nodes = [
        helper.make_node("Transpose", ["photos"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["numbers", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["input"]),
        helper.make_node("Conv", ["input", "w1", "b1"], ["first"], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node(activation, ["first", *bounds], ["first6"]),
        helper.make_node("Conv", ["first6", "w2"], ["second"], kernel_shape=[3, 3]),
        helper.make_node(activation, ["second", *bounds], ["second6"]),
        helper.make_node("GlobalAveragePool", ["second6"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["logits"]),
        helper.make_node(ending, ["logits"], ["probabilities"]),  # Softmax: over the last axis
    ]
    return written(path, nodes, constants, opset=opset, outside=outside)


def products(path: Path) -> Path:
    """The same of a network of matrix products alone."""
    random = np.random.default_rng(6)
    constants = {
        "w1": random.normal(0, 0.02 / 255, (SIDE * SIDE * 3, 64)),
        "w2": random.normal(0, 0.5, (64, CLASSES)),
    }
    nodes = [
        helper.make_node("Cast", ["photos"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["numbers"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["positive"]),
        helper.make_node("MatMul", ["positive", "w2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    return written(path, nodes, constants)


def written(
    path: Path, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], *, opset: int = 17, outside: bool = False
) -> Path:
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("photos", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, str(path), save_as_external_data=outside, location=f"{path.name}.data", size_threshold=0)
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.parametrize("bits", [7, 8])
def test_layers_are_int8_and_what_rounding_would_harm_stays_float(tmp_path, folder, bits):
    graph = convolutions(tmp_path / "model.onnx")

    made = int8.static(int8.prepared(graph, folder), folder, bits, photos())

    model = onnx.load(str(made))
    maker = {name: node.op_type for node in model.graph.node for name in node.output}
    kinds = [node.op_type for node in model.graph.node]
    assert "Clip" not in kinds  # its ends are those of the range
    (softmax,) = (node for node in model.graph.node if node.op_type == "Softmax")
    assert maker[softmax.input[0]] == "Gemm"  # the logits as they are
    (first,) = (node for node in model.graph.node if node.op_type == "QuantizeLinear" and maker[node.input[0]] == "Mul")
    held = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    step, zero = float(held[first.input[1]]), int(held[first.input[2]])  # of all photos, whichever has the extremes
    low, high = (float(side(photos())) for side in (np.min, np.max))
    assert -zero * step == pytest.approx((low - 127) / 64, abs=step)
    assert (255 - zero) * step == pytest.approx((high - 127) / 64, abs=step)
    weights = [numpy_helper.to_array(each) for each in model.graph.initializer if each.data_type == TensorProto.INT8]
    largest = max(int(np.abs(each.astype(int)).max()) for each in weights)
    assert largest == (64 if bits == 7 else 127)
    near = np.abs(Running(made, photos()[0]).answers(photos()) - Running(graph, photos()[0]).answers(photos())).max()
    assert near < 0.05


def test_matrix_products_are_int8_whose_inputs_are_rounded_as_they_come(tmp_path, folder):
    graph = products(tmp_path / "model.onnx")

    made = int8.dynamic(int8.prepared(graph, folder), folder, 7)

    assert "MatMulInteger" in {node.op_type for node in onnx.load(str(made)).graph.node}
    assert made.stat().st_size < graph.stat().st_size / 3
    near = np.abs(Running(made, photos()[0]).answers(photos()) - Running(graph, photos()[0]).answers(photos())).max()
    assert near < 0.05


def test_biases_make_up_for_what_rounding_takes(tmp_path):
    model = onnx.load(str(convolutions(tmp_path / "model.onnx")))

    def mean_outputs(model: onnx.ModelProto) -> np.ndarray:
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        watched.graph.output[0].CopyFrom(helper.make_tensor_value_info("first", TensorProto.FLOAT, None))
        onnx.save(watched, str(tmp_path / "watched.onnx"))
        session = session_of(tmp_path / "watched.onnx")
        means = [session.run(["first"], {"photos": photo})[0].mean((0, 2, 3)) for photo in photos()]
        return np.asarray(np.mean(means, axis=0))

    def rounded(model: onnx.ModelProto, largest: int) -> onnx.ModelProto:
        made = onnx.ModelProto()
        made.CopyFrom(model)
        (weights,) = (each for each in made.graph.initializer if each.name == "w1")
        values = numpy_helper.to_array(weights)
        scale = np.abs(values).max((1, 2, 3), keepdims=True) / largest
        weights.CopyFrom(numpy_helper.from_array((np.round(values / scale) * scale).astype(np.float32), "w1"))
        return made

    right = mean_outputs(model)
    plain = np.abs(mean_outputs(rounded(model, 4)) - right).max()
    correct_biases(model, photos(), tmp_path, largest=4)
    corrected = np.abs(mean_outputs(rounded(model, 4)) - right).max()

    assert corrected < plain / 20


def test_few_photos_prove_nothing(tmp_path, folder):
    graph = convolutions(tmp_path / "model.onnx")

    found = quantise(graph, photos(LEAST_PHOTOS - 1), folder)

    assert [(form.variant, form.kept) for form in found.tried] == [("float32", True)]
    assert f"{LEAST_PHOTOS - 1} photos prove nothing" in found.tried[0].why
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("outside", [False, True])
def test_what_is_tried_says_how_it_did_and_one_form_serves(tmp_path, folder, outside, capfd, caplog):
    graph = convolutions(tmp_path / "model.onnx", activation="Relu", outside=outside)
    handlers = list(logging.root.handlers)

    found = quantise(graph, photos(), folder, seconds=1)

    assert sum(form.kept for form in found.tried) == 1
    assert found.tried[0].variant == "float32"
    assert {form.variant for form in found.tried[1:]} <= {"dynamic", "static"}
    for form in found.tried[1:]:
        assert form.path.is_relative_to(folder)
        assert form.size_bytes == sum(file.stat().st_size for file in form.path.parent.iterdir())
        assert f"of {24 if form.variant == 'dynamic' else 12} photos" in form.why
        assert form.candidate.agreement == form.agreement
    assert Running(found.kept, photos()[0]).answers(photos()).shape == (24, CLASSES)
    assert found.notes
    assert capfd.readouterr() == ("", "")  # the quantiser prints, and logs to whoever listens
    assert not caplog.records
    assert logging.root.handlers == handlers


def test_a_graph_that_the_quantiser_cannot_take_serves_as_it_is(tmp_path, folder):
    graph = convolutions(tmp_path / "model.onnx", opset=12)

    found = quantise(graph, photos(), folder, seconds=1)

    assert [form.variant for form in found.tried] == ["float32"]
    assert found.kept == graph
    assert "needs opset 13, the graph has 12" in found.notes[0]


def test_a_network_without_matrix_products_has_no_dynamic_form(tmp_path, folder):
    nodes = [
        helper.make_node("Transpose", ["photos"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["numbers", "w"], ["scores"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["scores"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = written(tmp_path / "model.onnx", nodes, {"w": np.ones((CLASSES, 3, 1, 1)) / 255})

    with pytest.raises(NetworkError, match="no matrix product"):
        int8.dynamic(int8.prepared(graph, folder), folder, 7)


def test_large_weights_lie_beside_the_graph(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(int8, "EXTERNAL_ABOVE", 1_000)
    graph = products(tmp_path / "model.onnx")

    made = int8.dynamic(int8.prepared(graph, folder), folder, 7)

    assert (folder / "model.onnx.data").stat().st_size > made.stat().st_size
    assert Running(made, photos()[0]).answers(photos()[:1]).shape == (1, CLASSES)


def test_answers_are_the_same_by_first_class_or_by_what_is_probable(tmp_path):
    """Sigmoid and softmax of the same logits have the same first class, and not always the same set above 0.5."""
    sigmoid = convolutions(tmp_path / "sigmoid.onnx", ending="Sigmoid")
    softmax = convolutions(tmp_path / "softmax.onnx")
    seen = photos()
    above = [(Running(graph, seen[0]).answers(seen) > 0.5) for graph in (sigmoid, softmax)]
    assert (above[0] != above[1]).any()  # or this would show nothing

    by_class, _ = Reference.of(sigmoid, seen, exclusive=True).compare(softmax, 0)
    by_set, _ = Reference.of(sigmoid, seen, exclusive=False).compare(softmax, 0)

    assert by_class.all()
    assert by_set.tolist() == (above[0] == above[1]).all(axis=1).tolist()


def test_a_graph_with_its_weights_beside_it_is_prepared_like_every_other(tmp_path: Path) -> None:
    """The quantiser's own preparation looks for them in another folder, as `onnx` writes them from 50 MB."""
    (tmp_path / "given").mkdir()
    (tmp_path / "made").mkdir()
    graph = small_network(tmp_path / "given" / "model.onnx", external=True)

    made = int8.prepared(graph, tmp_path / "made")

    photo = np.ones((1, 3, 32, 32), dtype=np.float32)
    before, after = (session_of(path).run(None, {"photo": photo})[0] for path in (graph, made))
    assert np.allclose(before, after, atol=1e-6)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["prepared.onnx"]
