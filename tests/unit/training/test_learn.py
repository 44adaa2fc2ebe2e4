"""What is learned from features, and what is told of it."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tests.unit.training.drawn_features import features, learned, of_vectors

from sightserve.bundle.manifest import embedded_bundle_path, load_bundle
from sightserve.models.served import Served
from sightserve.training.errors import TrainError
from sightserve.training.graft import own_weights
from sightserve.training.head import Head

THREE = ["ripe", "rotten", "unripe"]


def accuracy_on_new_photos(head, photos, labels):
    """How often a head is right on photos that nobody had when it was learned."""
    said = Head(head.weights, head.bias).logits(photos.vectors).argmax(axis=1)
    return np.mean([head.labels[at] == label for at, label in zip(said, labels, strict=True)])


def test_the_reported_accuracy_is_what_new_photos_get():
    labels = THREE * 200
    photos = features(labels, apart=1.5)
    few = of_vectors(photos.vectors[:150], labels[:150])

    head = learned(few)

    measured = accuracy_on_new_photos(head, of_vectors(photos.vectors[150:], labels[150:]), labels[150:])
    # what serves has learned from a quarter more photos than what was measured
    assert head.accuracy.low <= measured <= head.accuracy.high + 0.03
    assert head.chance == pytest.approx(1 / 3)
    assert head.accuracy.value > 0.6
    assert (head.photos, head.scenes, head.weights.dtype) == (150, 150, np.float32)
    assert np.sum(head.confusion) == 150
    assert head.report(name="apples", version="1", base="accurate").accuracy == head.accuracy


def test_the_same_photos_give_the_same_head():
    photos = features(THREE * 12)

    first, second = learned(photos), learned(photos)

    assert np.array_equal(first.weights, second.weights)
    assert first.report(name="a", version="1", base="b") == second.report(name="a", version="1", base="b")


def test_probabilities_are_right_as_often_as_they_say():
    labels = THREE * 200
    photos = features(labels, apart=1.2)
    head = learned(of_vectors(photos.vectors[:150], labels[:150]))

    logits = Head(head.weights, head.bias).logits(photos.vectors[150:]) / head.temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    sure = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1).mean()

    right = accuracy_on_new_photos(head, of_vectors(photos.vectors[150:], labels[150:]), labels[150:])
    assert sure == pytest.approx(right, abs=0.08)
    assert head.calibration_after < 0.15


def test_photos_of_one_scene_are_never_on_both_sides():
    """Labels that mean nothing: who has seen a photo's twin could tell it all the same."""
    scenes = np.repeat(np.arange(40), 5)
    labels = np.repeat(np.random.default_rng(1).choice(["heads", "tails"], 40), 5).tolist()
    photos = features(labels, apart=0, scenes=scenes)

    honest, fooled = learned(photos, scenes), learned(photos)

    assert fooled.accuracy.value > 0.95
    assert honest.accuracy.value < 0.75
    assert honest.accuracy.high - honest.accuracy.low > 0.25  # of 40 scenes, not of 200 photos


def test_wrong_labels_are_among_the_first_mistakes():
    true = THREE * 60
    labels = list(true)
    wrong = np.random.default_rng(2).choice(len(labels), 10, replace=False)
    for at in wrong:
        labels[at] = next(each for each in THREE if each != true[at])

    head = learned(features(labels, apart=3, true=true))

    first = {mistake.name for mistake in head.mistakes[:10]}
    assert len(first & {f"{labels[at]}/{at}.jpg" for at in wrong}) >= 8
    assert head.advice[0].code == "check_labels"
    sure = [mistake.probability for mistake in head.mistakes]
    assert sure == sorted(sure, reverse=True)


def test_two_classes_get_a_row_each():
    labels = ["cat", "dog"] * 20
    head = learned(features(labels, apart=4))

    assert head.weights.shape == (2, 64)
    assert head.accuracy.value == 1
    assert [each.code for each in head.advice] == ["enough"]


def test_two_photos_a_class_are_learned_and_measured_and_more_are_asked_for():
    head = learned(features(THREE * 2, apart=4))

    assert head.accuracy.high - head.accuracy.low > 0.35
    assert all(each.wants_more for each in head.classes)
    assert "more_photos" in [each.code for each in head.advice]
    assert head.expected_at_double is None


def test_a_class_that_is_all_one_scene_is_measured_within_it_and_that_is_said():
    labels = ["mug"] * 12 + ["pen"] * 12
    scenes = np.array([0] * 12 + list(range(1, 13)))

    head = learned(features(labels, apart=4, scenes=scenes), scenes)

    mug, pen = head.classes
    assert (mug.scenes, pen.scenes) == (1, 12)
    assert mug.recall.value == 1
    assert mug.recall.low < 0.25  # one scene says next to nothing
    assert mug.wants_more
    assert "“mug” look like one scene" in head.notes[0]


def test_a_small_class_beside_a_large_one_is_not_forgotten():
    head = learned(features(["common"] * 120 + ["rare"] * 8, apart=4))

    rare = head.classes[1]
    assert rare.recall.value >= 0.75
    assert "balance" in [each.code for each in head.advice]


def test_what_more_photos_bring_is_told_by_a_curve():
    head = learned(features(THREE * 40, apart=1))

    photos = [point.photos for point in head.curve]
    assert photos == sorted(photos) == [4, 8, 16, 32]
    assert head.curve[-1].accuracy == pytest.approx(head.accuracy.value)
    assert head.curve[0].accuracy < head.accuracy.value
    assert head.expected_at_double is not None
    assert head.accuracy.value <= head.expected_at_double < 1


def test_none_of_these_keeps_nearly_all_right_answers():
    head = learned(features(THREE * 40, apart=3), none_of_these=True)

    assert head.least_probability is not None
    assert head.kept_at_least is not None
    assert 1 / 3 < head.least_probability <= 0.9
    assert head.kept_at_least >= 0.95


def test_none_of_these_is_left_out_where_answers_are_guesses():
    head = learned(features(["heads", "tails"] * 30, apart=0), none_of_these=True)

    assert head.least_probability is None or head.least_probability > 0.5
    assert head.accuracy.low < 0.5
    assert "enough" not in [each.code for each in head.advice] or "chance" in head.advice[-1].words


def test_views_are_learned_from_only_where_they_help():
    labels = THREE * 12
    photos = features(labels, apart=1.5)

    noise = np.random.default_rng(5).normal(size=photos.vectors.shape).astype(np.float32)
    fresh = photos.vectors + noise * 0.8
    shuffled = photos.vectors[np.random.default_rng(6).permutation(len(labels))]

    head = learned(of_vectors(photos.vectors, labels, mirror=fresh, crop=shuffled))

    assert "crop" not in head.views


def test_what_cannot_be_learned_is_refused_with_a_reason():
    with pytest.raises(TrainError, match="one class, cat"):
        learned(features(["cat"] * 5))
    with pytest.raises(TrainError, match=r"dog \(1\): each class needs at least 2"):
        learned(features(["cat"] * 5 + ["dog"]))
    broken = features(["cat", "dog"] * 3)
    broken.vectors[3, 7] = np.nan
    with pytest.raises(TrainError, match=r"dog/3\.jpg"):
        learned(broken)


def test_photos_that_are_all_the_same_teach_nothing_and_break_nothing():
    head = learned(of_vectors(np.ones((12, 8), np.float32), ["cat", "dog"] * 6))

    assert head.accuracy.value <= 0.6
    assert np.isfinite(head.weights).all()


@pytest.mark.slow
def test_very_many_classes_are_learned_in_a_bounded_time():
    labels = [f"{number:03d}" for number in range(120)] * 3

    head = learned(features(labels, apart=9, size=300))

    assert head.weights.shape == (120, 300)
    assert head.accuracy.value > 0.8


@pytest.mark.slow
def test_wrong_labels_among_photos_of_a_network_are_among_the_first_mistakes(labelled_photos):
    """Ten of forty: dogs, insects and food, each photo of another class of the network, and a quarter labelled wrongly."""
    kinds = {"dog": range(151, 269), "food": range(924, 970), "insect": [*range(300, 328), *range(69, 80)]}
    photos = [(path, kind) for path, index in labelled_photos for kind, members in kinds.items() if index in members]
    base = load_bundle(embedded_bundle_path("accurate"))
    network = onnx.load_from_string(bytes(base.model_bytes))
    network.graph.output.append(onnx.helper.make_tensor_value_info("pooled.real", onnx.TensorProto.FLOAT, ["N", 1280]))
    session = ort.InferenceSession(network.SerializeToString())
    decoder = Served(base.directory)
    rows = [session.run(["pooled.real"], {"image": decoder.pixels(path.read_bytes())})[0][0] for path, _ in photos]
    labels = [kind for _, kind in photos]
    wrong = np.random.default_rng(0).choice(len(labels), 10, replace=False)
    for at in wrong:
        labels[at] = next(kind for kind in kinds if kind != labels[at])

    head = learned(of_vectors(np.array(rows), labels), known=own_weights(base))

    first = {mistake.name for mistake in head.mistakes[:15]}
    assert len(first & {f"{labels[at]}/{at}.jpg" for at in wrong}) >= 8
