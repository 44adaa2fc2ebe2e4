"""What a network says of photos before its last layer: through real slots, as it is served."""

import json
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image
from tests import networks
from tests.conftest import SAMPLES
from tests.own_models import write_own
from tests.unit.training.drawn import Told, dataset, photo

from sightserve.backend.direct import Slots
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import default_bundle_path, embedded_bundle_path, load_bundle
from sightserve.training.errors import TrainError
from sightserve.training.extractor import write_extractor
from sightserve.training.features import VIEWS, extract

ONE = Settings(cpus=1, calibrate=False)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def served(directory: Path, photos: list[bytes]) -> np.ndarray:
    slots = Slots(ONE, load_bundle(directory))
    with slots.one() as slot:
        outcomes = slot.ask([Job(each, top_k=1, probabilities=True) for each in photos])
    slots.close()
    return np.array([json.loads(outcome.body)["probabilities"] for outcome in outcomes if isinstance(outcome, Answer)])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accurate", "fast"])
def test_features_are_exactly_what_the_last_layer_gets_in_serving(name):
    """The base's own last layer, computed from them, gives the probabilities that it serves."""
    bundle = load_bundle(embedded_bundle_path(name))
    given = {
        each.name: numpy_helper.to_array(each)
        for each in onnx.load_from_string(bytes(bundle.model_bytes)).graph.initializer
    }
    weights = given["classifier.weight"] * given["classifier.weight.scale"][:, None]
    bias = given["classifier.bias"] * given["classifier.bias.scale"]
    names = sorted(path.name for path in SAMPLES.glob("*.jpg"))
    photos = dataset(SAMPLES, {each: "ab"[place % 2] for place, each in enumerate(names)})

    found = extract(photos, bundle.directory, Told(), settings=ONE)

    told = served(bundle.directory, [example.path.read_bytes() for example in found.examples])
    logits = (found.vectors @ weights.T + bias) / bundle.manifest.temperature
    np.testing.assert_allclose(softmax(logits), told, atol=2e-6)


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """A bundle whose features are negative, tiny and huge, as a transformer's may be: seven of a mean colour."""
    random = np.random.default_rng(3)
    spread = np.array([1, -1, 1e-4, -30, 1000, 0, -1e-3])
    constants = {
        "mix": random.normal(0, 1, (3, 7)) * spread / 100,
        "shift": -spread / 2,
        "w": random.normal(0, 0.01, (4, 7)),
        "b": random.normal(0, 1, 4),
    }
    nodes = [
        helper.make_node("Cast", ["photos"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "mix"], ["mixed"]),
        helper.make_node("Add", ["mixed", "shift"], ["shifted"]),
        helper.make_node("Gemm", ["shifted", "w", "b"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "signed",
        [helper.make_tensor_value_info("photos", TensorProto.UINT8, ["N", 32, 32, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return networks.write(tmp_path / "signed", ("a", "b", "c", "d"), model=model)


def test_negative_tiny_and_huge_features_come_back_as_they_are(signed, tmp_path):
    names = {f"{number}.png": "ab"[number % 2] for number in range(4)}
    for number, name in enumerate(names):
        photo(tmp_path / name, number)

    found = extract(dataset(tmp_path, names), signed, Told(), settings=ONE)

    given = {each.name: numpy_helper.to_array(each) for each in onnx.load(signed / "model.onnx").graph.initializer}
    assert (found.vectors < 0).any()
    means = np.array([np.asarray(Image.open(example.path)).mean(axis=(0, 1)) for example in found.examples])
    np.testing.assert_allclose(found.vectors, means @ given["mix"] + given["shift"], rtol=0.03, atol=0.05)
    told = served(signed, [example.path.read_bytes() for example in found.examples])
    np.testing.assert_allclose(softmax(found.vectors @ given["w"].T + given["b"]), told, atol=2e-6)


def test_photos_that_cannot_be_read_are_left_out_and_a_second_time_nothing_is_looked_at(tmp_path, monkeypatch):
    base = write_own(tmp_path / "own", ("x", "y", "z"))
    names = {
        name: "ripe" if place % 2 else "rotten"
        for place, name in enumerate(("0.png", "1.png", "2.png", "3.png", "4.png"))
    }
    for number, name in enumerate(names):
        photo(tmp_path / name, number)
    (tmp_path / "none.jpg").write_bytes(b"no photo")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "large.jpg").write_bytes(b"\xff\xd8\xff" + bytes(200_000))
    os.mkfifo(tmp_path / "pipe.jpg")
    bad = dict.fromkeys(("none.jpg", "empty.jpg", "large.jpg", "pipe.jpg", "gone.jpg"), "ripe")
    photos, told = dataset(tmp_path, names | bad), Told()
    settings = ONE.model_copy(update={"max_upload_bytes": 100_000})

    found = extract(photos, base, told, cache=tmp_path / "cache", settings=settings)

    assert [example.name for example in found.examples] == [each.name for each in photos.examples if each.name in names]
    assert found.vectors.shape == (5, 3)
    why = {each.name: each.why for each in found.left_out}
    assert set(why) == set(bad)
    assert "200,003 bytes, and 100,000 is the most" in why["large.jpg"]
    assert why["pipe.jpg"] == "it is no file"
    assert "No such file" in why["gone.jpg"]
    assert told.steps[0] == (0, 10)
    assert told.steps[-1] == (10, 10)

    good = dataset(tmp_path, names)
    monkeypatch.setattr(Slots, "start", lambda *_: pytest.fail("a slot starts"))
    again = extract(good, base, Told(), cache=tmp_path / "cache", settings=settings)
    np.testing.assert_array_equal(again.vectors, found.vectors)
    np.testing.assert_array_equal(again.hashes, found.hashes)


def test_where_too_few_of_a_class_can_be_read_it_is_said_and_why(tmp_path):
    base = write_own(tmp_path / "own", ("x", "y"))
    for number, name in enumerate(("0.png", "1.png", "2.png")):
        photo(tmp_path / name, number)
    (tmp_path / "none.jpg").write_bytes(b"no photo")
    photos = dataset(tmp_path, {"0.png": "a", "1.png": "a", "2.png": "b", "none.jpg": "b"})

    with pytest.raises(TrainError, match=r"of b, 1 photo can be read \(none.jpg: .*2 are the least"):
        extract(photos, base, Told(), settings=ONE)


def test_a_network_that_ends_otherwise_is_refused_in_words(tmp_path):
    base = write_own(tmp_path / "own", ("x", "y"), independent=True)

    with pytest.raises(TrainError, match="own cannot be learned on: its network ends in Sigmoid"):
        extract(dataset(tmp_path, {"a": "a", "b": "b"}), base, Told(), settings=ONE)


@pytest.mark.slow
def test_a_photo_that_hangs_its_slot_is_alone_left_out(tmp_path):
    """The network counts to a billion where a photo is white."""
    base = networks.write(tmp_path / "hangs", model=_hangs_on_white())
    names = {f"{number}.png": "ab"[number % 2] for number in range(5)}
    for number, name in enumerate(names):
        photo(tmp_path / name, number)
    photo(tmp_path / "white.png", colour="white")
    settings = ONE.model_copy(update={"hang_timeout": 1.0})

    found = extract(dataset(tmp_path, names | {"white.png": "a"}), base, Told(), settings=settings)

    assert len(found.examples) == 5
    (left,) = found.left_out
    assert left.name == "white.png"
    assert "died, or took too long" in left.why


def _hangs_on_white() -> onnx.ModelProto:
    model = networks.network(("red", "green", "blue"))
    graph = model.graph
    number = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["more"], ["goes_on"]), helper.make_node("Identity", ["carried"], ["kept"])],
        "body",
        [
            number("turn", TensorProto.INT64, []),
            number("more", TensorProto.BOOL, []),
            number("carried", TensorProto.FLOAT, None),
        ],
        [number("goes_on", TensorProto.BOOL, []), number("kept", TensorProto.FLOAT, None)],
    )
    constants = {
        "brightest": np.float32(254.5),
        "billion": np.int64(10**9),
        "no_turns": np.int64(0),
        "yes": np.bool_(True),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    before = [
        helper.make_node("ReduceMin", ["mean"], ["darkest_of"], axes=[1], keepdims=0),
        helper.make_node("ReduceMax", ["darkest_of"], ["lightest"], keepdims=0),
        helper.make_node("Greater", ["lightest", "brightest"], ["is_white"]),
        helper.make_node("Where", ["is_white", "billion", "no_turns"], ["turns"]),
        helper.make_node("Loop", ["turns", "yes", "mean"], ["after"], body=body),
    ]
    nodes = list(graph.node)
    place = next(at for at, node in enumerate(nodes) if "mean" in node.output) + 1
    for node in nodes[place:]:
        node.input[:] = ["after" if each == "mean" else each for each in node.input]
    made = [type(node).FromString(node.SerializeToString()) for node in (*nodes[:place], *before, *nodes[place:])]
    del graph.node[:]
    graph.node.extend(made)
    return model


def test_views_see_the_photo_mirrored_cropped_and_darker(tmp_path):
    """A network of mean colours: what each view changes of them can be computed."""
    base = write_own(tmp_path / "own", ("x", "y"), size=(32, 48))
    pixels = np.zeros((1, 32, 48, 3), dtype=np.uint8)
    pixels[:, :, :3] = 200  # a stripe at the left edge, which the crop leaves away
    seen = {}
    for view in ("", *VIEWS):
        directory = tmp_path / f"view{view}"
        directory.mkdir()
        made = write_extractor(base, directory, view)
        session = ort.InferenceSession(str(directory / "model.onnx"), providers=["CPUExecutionProvider"])
        seen[view] = made.read(session.run(None, {"photos": pixels})[0][0])[0]

    assert seen[""] == pytest.approx([200 * 3 / 48] * 3)
    np.testing.assert_allclose(seen["mirror"], seen[""])
    np.testing.assert_allclose(seen["light"], seen[""] * 0.7)
    assert seen["crop"].max() < 1


@pytest.mark.slow
def test_views_are_further_rows_of_the_same_photos(tmp_path):
    names = {f"{number}.png": "ab"[number % 2] for number in range(4)}
    for number, name in enumerate(names):
        photo(tmp_path / name, number)
    told = Told()

    found = extract(dataset(tmp_path, names), default_bundle_path(), told, views=VIEWS, settings=ONE)

    assert set(found.views) == set(VIEWS)
    for vectors in found.views.values():
        cosines = (
            (vectors * found.vectors).sum(axis=1)
            / np.linalg.norm(vectors, axis=1)
            / np.linalg.norm(found.vectors, axis=1)
        )
        assert (cosines > 0.6).all()
        assert (cosines < 0.9999).all()
    assert told.steps[-1] == (16, 16)


def test_a_layer_in_int8_is_found_whose_inputs_are_rounded_as_they_come(tmp_path):
    whole = tmp_path / "float.onnx"
    onnx.save(networks.network(("red", "green", "blue")), whole)
    quantize_dynamic(whole, tmp_path / "int8.onnx", op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    base = networks.write(tmp_path / "int8", model=onnx.load(tmp_path / "int8.onnx"))
    (tmp_path / "made").mkdir()

    assert write_extractor(base, tmp_path / "made").size == 3
