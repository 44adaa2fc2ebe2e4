"""What a server sees of a model before it is ready: what would fail for everybody is refused, what is odd is said."""

import time
from typing import Any

import numpy as np
import onnx
import pytest
from tests.networks import COLOURS, LIGHT, SIDE, network

from sightserve.backend.errors import ModelLoadError
from sightserve.backend.slot.dry_run import DryRun, pictures
from sightserve.backend.slot.engine import PROBABILITIES, Engine
from sightserve.backend.slot.onnx_engine import OnnxEngine


def engine(model: onnx.ModelProto, *, classes: int = 3, max_batch: int | None = None) -> OnnxEngine:
    return OnnxEngine(model.SerializeToString(), size=(SIDE, SIDE), classes=classes, max_batch=max_batch)


def notes(
    model: onnx.ModelProto, *, exclusive: bool = True, max_batch: int | None = None, classes: int = 3
) -> list[str]:
    """What is said of a model at a start without calibration."""
    return shown(
        engine(model, classes=classes, max_batch=max_batch),
        exclusive=exclusive,
        classes=classes,
        batches=max_batch != 1,
    )


def shown(made: Engine, *, exclusive: bool = True, classes: int = 3, batches: bool = True) -> list[str]:
    told: list[str] = []
    trial, images = DryRun(made, classes=classes, exclusive=exclusive), pictures((SIDE, SIDE))
    trial.infer(images[:1])
    trial.run(images, batches=batches)
    trial.conclude(told.append)
    return told


@pytest.mark.parametrize("labels", [LIGHT, COLOURS])
def test_of_a_sound_model_nothing_is_said(labels):
    assert notes(network(labels), classes=len(labels)) == []
    assert notes(network(labels, ending="sigmoid"), classes=len(labels), exclusive=False) == []


@pytest.mark.parametrize(
    ("ending", "exclusive", "words"),
    [
        ("logits", True, "put softmax into the graph"),
        ("logits", False, "softmax or sigmoid belongs in the graph"),
        ("sigmoid", True, "independent"),
        ("nan", True, "NaN"),
        ("nan", False, "NaN"),
    ],
)
def test_what_gives_no_probabilities_is_refused(ending, exclusive, words):
    with pytest.raises(ModelLoadError, match=words):
        notes(network(ending=ending), exclusive=exclusive)


def test_a_softmax_over_the_photos_instead_of_the_classes_is_refused():
    """Alone each photo is of all classes; together, what one has the others lack."""
    with pytest.raises(ModelLoadError, match="depend on the other photos"):
        notes(network(ending="over_batch"))

    assert notes(network(ending="over_batch"), max_batch=1)  # each by itself, they all get the same: that is said


def test_a_model_that_says_the_same_of_everything_is_let_pass_and_told_of():
    (note,) = notes(network(ending="constant"))

    assert "the same of all pictures" in note


class Made:
    """An engine that answers with as many numbers, all the same, and takes its time."""

    def __init__(self, classes: int, seconds: float = 0.0) -> None:
        self.classes, self.seconds = classes, seconds
        self.asked: list[int] = []

    def infer(self, batch: np.ndarray[Any, Any], *, features: bool = False) -> dict[str, np.ndarray[Any, Any]]:
        self.asked.append(len(batch))
        time.sleep(self.seconds)
        return {PROBABILITIES: np.full((len(batch), self.classes), 1 / self.classes, dtype=np.float32)}


@pytest.mark.parametrize("classes", [4, 6])
def test_another_number_of_classes_than_labels_is_refused_though_the_graph_leaves_it_open(classes):
    with pytest.raises(ModelLoadError, match=rf"shape \[1, {classes}\], where photos and labels need \[1, 5\]"):
        shown(Made(classes), classes=5)


def fixed(batch: int) -> onnx.ModelProto:
    return network(batch=batch)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_graph_with_a_fixed_batch_is_taken_where_the_manifest_says_so(batch):
    with pytest.raises(ModelLoadError, match=f"exactly {batch} photo.*max_batch: {batch}"):
        engine(fixed(batch))
    with pytest.raises(ModelLoadError, match="the manifest says 2"):
        engine(fixed(batch), max_batch=2)

    assert notes(fixed(batch), max_batch=batch) == []


@pytest.mark.parametrize("batch", [1, 4])
def test_any_number_of_photos_goes_through_a_fixed_batch(batch):
    photos = np.random.default_rng(1).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)

    found = engine(fixed(batch), max_batch=batch).infer(photos)[PROBABILITIES]

    np.testing.assert_allclose(found, engine(network()).infer(photos)[PROBABILITIES], atol=1e-6)


def test_a_graph_that_hides_a_fixed_batch_is_refused_with_words():
    """As some exporters write it: the inputs say any number, and a Reshape inside says one."""
    model = fixed(1)
    for tensor in (*model.graph.input, *model.graph.output):
        first = tensor.type.tensor_type.shape.dim[0]
        first.ClearField("dim_value")
        first.dim_param = "N"

    with pytest.raises(ModelLoadError, match="not to 4 at once: say max_batch: 1"):
        notes(model)
    assert notes(model, max_batch=1) == []


def test_a_slow_model_is_asked_twice():
    """Black and noise: everybody waits for these at a start."""
    fast, slow = Made(3), Made(3, seconds=0.15)

    shown(fast)
    shown(slow)

    assert fast.asked == [1, 1, 1, 4]
    assert slow.asked == [1, 1]
