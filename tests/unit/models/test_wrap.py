"""What goes around a network changes nothing: bytes in and probabilities out, as its own pipeline has them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from tests.unit.models.nets import network

from sightserve.models.errors import AddError, NetworkError, UnclearSource
from sightserve.models.network import look_at, session_of
from sightserve.models.reference import probabilities, scaled
from sightserve.models.source import IMAGENET, SIGNED, UNIT, UNSCALED, Scale
from sightserve.models.wrap import How, Wrapped, wrap

EXACT = 2e-6  # of a probability


def photos(count: int, sides: tuple[int, int]) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 256, (count, *sides, 3), dtype=np.uint8)


def wrapped(path: Path, how: dict[str, Any], tmp_path: Path, **said: Any) -> tuple[Wrapped, np.ndarray[Any, Any]]:
    """Return the wrapped graph, and its own pipeline's probabilities minus its, of five photos."""
    found = look_at(path, size=said.get("size"), output=said.get("output"), labels=said.get("labels"))
    way = How(**{"channels": "rgb", "scale": IMAGENET, "outputs": "logits", "size": found.size} | how)
    made = wrap(found, way, tmp_path / "model.onnx")
    pixels = photos(5, found.size or (40, 56))
    expected = np.stack(
        [probabilities(found(scaled(Image.fromarray(photo), way.channels, way.scale)), way.outputs) for photo in pixels]
    )
    session = session_of(made.path)
    name = session.get_inputs()[0].name
    parts = [pixels] if made.max_batch is None else [pixels[at : at + 1] for at in range(5)]
    ours = np.concatenate([session.run(None, {name: part})[0] for part in parts])
    assert ours.shape == (5, made.classes)
    assert ours.dtype == np.float32
    return made, ours - expected


@pytest.mark.parametrize(
    ("net", "how"),
    [
        pytest.param({}, {}, id="NCHW"),
        pytest.param({"layout": "NHWC"}, {"scale": SIGNED}, id="NHWC"),
        pytest.param({}, {"channels": "bgr", "scale": Scale((123, 117, 104), (1, 2, 3))}, id="BGR, a scale a channel"),
        pytest.param({"colours": 1}, {"channels": "grey", "scale": Scale((127.5,), (127.5,))}, id="grey"),
        pytest.param({"colours": 1, "layout": "NHWC"}, {"channels": "grey", "scale": UNIT}, id="grey, NHWC"),
        pytest.param({"dtype": TensorProto.FLOAT16}, {"scale": UNIT}, id="half precision"),
        pytest.param({"dtype": TensorProto.UINT8, "gain": 0.02}, {"scale": UNSCALED}, id="bytes already"),
        pytest.param({"dtype": TensorProto.DOUBLE}, {}, id="double precision"),
        pytest.param({"activation": "Softmax"}, {"outputs": "probabilities"}, id="softmax inside"),
        pytest.param({"activation": "Sigmoid"}, {"outputs": "independent_probabilities"}, id="several labels"),
        pytest.param({}, {"outputs": "independent_logits"}, id="several labels, logits"),
        pytest.param({"classes": 1}, {"outputs": "independent_logits"}, id="one column, a logit"),
        pytest.param(
            {"classes": 1, "activation": "Sigmoid"}, {"outputs": "independent_probabilities"}, id="one column"
        ),
        pytest.param({"sides": (48, 192)}, {}, id="not square"),
        pytest.param({"opset": 11}, {}, id="old opset"),
        pytest.param({"opset": 9}, {}, id="older opset"),
        pytest.param({"external": True}, {}, id="weights beside it"),
        pytest.param({"free_sides": True}, {"size": None}, id="any sides"),
    ],
)
def test_a_wrapped_network_says_what_its_own_pipeline_says(net: Any, how: Any, tmp_path: Path) -> None:
    made, difference = wrapped(network(tmp_path / "net.onnx", **net), how, tmp_path)

    # half precision rounds to 11 bits on both sides, but not at the same places
    assert np.abs(difference).max() <= (2e-3 if net.get("dtype") == TensorProto.FLOAT16 else EXACT)
    assert made.max_batch is None
    assert made.exclusive == ("independent" not in how.get("outputs", "") or net.get("classes") == 1)


def test_a_batch_that_only_the_export_fixed_becomes_free(tmp_path: Path) -> None:
    made, difference = wrapped(network(tmp_path / "net.onnx", batch=1, reshape="Reshape"), {}, tmp_path)

    assert made.max_batch is None
    assert np.abs(difference).max() <= EXACT


def test_a_batch_of_one_that_cannot_be_freed_is_kept_and_said(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", batch=1)
    model = onnx.load(path)
    # (1, n) + (1, n) from a constant that is concatenated along the batch: only one photo can be in it
    model.graph.node[-1].output[0] = "raw"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((1, 5), np.float32), "more"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "first"))
    model.graph.node.append(helper.make_node("Concat", ["raw", "more"], ["both"], axis=0))
    model.graph.node.append(helper.make_node("Gather", ["both", "first"], ["out"], axis=0))
    onnx.save(model, path)

    made, difference = wrapped(path, {}, tmp_path)

    assert made.max_batch == 1
    assert np.abs(difference).max() <= EXACT
    assert "one photo at a time" in made.notes[0]


def test_several_outputs_have_to_be_told_apart(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", features=True)

    with pytest.raises(UnclearSource, match="--output"):
        wrapped(path, {}, tmp_path)
    _, named = wrapped(path, {}, tmp_path, output="out")
    made, counted = wrapped(path, {}, tmp_path, labels=5)

    assert np.abs(named).max() <= EXACT
    assert np.abs(counted).max() <= EXACT
    assert [each.name for each in session_of(made.path).get_outputs()] == ["probabilities"]


def test_names_that_the_network_has_itself_are_left_alone(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", activation="Softmax")
    model = onnx.load(path)
    for node in model.graph.node:
        node.input[:] = [
            "photos" if name == "photo" else "probabilities" if name == "flat" else name for name in node.input
        ]
        node.output[:] = ["probabilities" if name == "flat" else name for name in node.output]
    model.graph.input[0].name = "photos"
    onnx.save(model, path)

    _, difference = wrapped(path, {"outputs": "probabilities"}, tmp_path)

    assert np.abs(difference).max() <= EXACT


def _changed(path: Path, **changes: Any) -> Path:
    model = onnx.load(path)
    if "opset" in changes:
        model.opset_import[0].version = changes["opset"]
    if "operator" in changes:
        node = model.graph.node[-1]
        node.op_type, node.domain = changes["operator"], "com.mycompany"
        model.opset_import.append(helper.make_opsetid("com.mycompany", 1))
    if "second" in changes:
        model.graph.input.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, ["N", 1]))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: _changed(network(p), opset=99), r"newer opset than ONNX Runtime [\d.]+, .* knows \(up to \d+"),
        (lambda p: _changed(network(p), operator="MySoftmax"), r"com\.mycompany:MySoftmax, which ONNX Runtime"),
        (lambda p: _changed(network(p), second=True), r"wants 2 inputs \(photo: .*age: float"),
        (lambda p: p.write_bytes(b"\x08\x07garbage") and p, "cannot load net.onnx"),
        (lambda p: network(p, batch=4, reshape="Reshape", external=True) and (p.with_name("net.onnx.data").unlink(), p)[1],
         "keeps its weights in another file"),
        (lambda p: network(p, colours=4), "one or three channels"),
    ],
)  # fmt: skip
def test_what_cannot_be_wrapped_is_said_in_words(make: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(AddError, match=words):
        wrapped(make(tmp_path / "net.onnx"), {}, tmp_path)


def test_a_network_that_is_no_classifier_is_refused(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.output[0].name = "pooled"
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    onnx.save(model, path)

    with pytest.raises(NetworkError, match="one row of numbers for each photo"):
        wrapped(path, {}, tmp_path)


def test_free_sides_have_to_be_said_where_they_matter(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", free_sides=True)

    made, difference = wrapped(path, {"size": (48, 192)}, tmp_path, size=(48, 192))

    assert session_of(made.path).get_inputs()[0].shape == ["N", 48, 192, 3]
    assert np.abs(difference).max() <= EXACT


def test_what_only_a_branch_reads_is_kept(tmp_path: Path) -> None:
    """The body of an If reads tensors of the graph around it, which no node there names as its input."""
    path = network(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.node[-1].output[0] = "raw"
    out = helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)
    body = [helper.make_node("Normalizer", ["raw"], ["branch"], domain="ai.onnx.ml", norm="L2")]
    branches = {name: helper.make_graph(body, name, [], [out]) for name in ("then_branch", "else_branch")}
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "always"))
    model.graph.node.append(helper.make_node("If", ["always"], ["out"], **branches))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    onnx.save(model, path)

    _, difference = wrapped(path, {}, tmp_path)

    assert np.abs(difference).max() <= EXACT
