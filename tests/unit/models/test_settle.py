"""What nobody says of a network is found on photos, and what is said wrong is noticed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.conftest import SAMPLES
from tests.unit.models.nets import network

from sightserve.bundle.inputs import CropInput, PadInput, SquashInput, WholeInput
from sightserve.models import settle as settling
from sightserve.models.errors import NetworkError, UnclearSource
from sightserve.models.looks import alternatives
from sightserve.models.network import look_at
from sightserve.models.settle import settle
from sightserve.models.source import IMAGENET, SIGNED, UNIT, UNSCALED, Fact, Options, Reading

WHOLE = [Image.open(path).convert("RGB") for path in sorted(SAMPLES.glob("*.jpg"))]
# and halves of them: as many as a guess takes to be sure of itself
PHOTOS = WHOLE + [
    image.crop((image.width * third // 4, 0, image.width * (third + 2) // 4, image.height))
    for image in WHOLE
    for third in range(3)
]
UNKNOWN = [None] * len(PHOTOS)
SQUASH = SquashInput(fit="squash", height=32, width=32, interpolation="bilinear")


def read(tmp_path: Path, net: dict[str, Any], **facts: Any) -> tuple[Reading, Any]:
    path = network(tmp_path / "net.onnx", **net)
    named: dict[str, Any] = {name: Fact(value, "the test") for name, value in facts.items()}
    return Reading(graph=path, kind="ONNX file", name="net", **named), look_at(
        path, size=None, output=None, labels=None
    )


def test_the_geometry_is_guessed_by_what_is_usual_and_said_to_be_a_guess(tmp_path: Path) -> None:
    cropped = settle(*read(tmp_path, {}), PHOTOS, UNKNOWN).input
    squashed = settle(*read(tmp_path, {"layout": "NHWC"}), PHOTOS, UNKNOWN).input
    wide = settle(*read(tmp_path, {"sides": (32, 64)}), PHOTOS, UNKNOWN).input

    # 32 / 0.875 = 36.57, cut to whole pixels
    assert cropped.value == CropInput(fit="crop", height=32, width=32, resize=36, interpolation="bilinear")
    assert [squashed.value.fit, wide.value.fit] == ["squash", "squash"]
    assert all("a guess" in fact.source for fact in (cropped, squashed, wide))


def test_the_graphs_sides_win_over_those_that_were_read(tmp_path: Path) -> None:
    said = CropInput(fit="crop", height=224, width=224, resize=256, interpolation="bicubic")

    found = settle(*read(tmp_path, {}, input=said), PHOTOS, UNKNOWN).input

    # 256 of 224 is 36.6 of 32
    assert found.value == CropInput(fit="crop", height=32, width=32, resize=37, interpolation="bicubic")
    assert "32 x 32 from the graph" in found.source


def test_a_network_with_labels_for_its_photos_has_the_scale_with_which_it_is_right(tmp_path: Path) -> None:
    reading, net = read(tmp_path, {"gain": 16.0}, input=SQUASH)
    fitted = [np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), np.float32) for image in PHOTOS]
    truth = [int(net(pixels / 127.5 - 1).argmax()) for pixels in fitted]

    found = settle(reading, net, PHOTOS, truth).scale

    assert found.value == SIGNED
    assert "100% right" in found.source


def test_without_labels_a_scale_is_what_is_usual_and_that_of_bytes_where_all_else_is_the_same_to_the_network(
    tmp_path: Path,
) -> None:
    usual = settle(*read(tmp_path, {"gain": 16.0}, input=SQUASH), PHOTOS, UNKNOWN).scale
    keras = settle(*read(tmp_path, {"gain": 16.0, "layout": "NHWC"}, input=SQUASH), PHOTOS, UNKNOWN).scale
    # one that divides by 255 itself: values from 0 to 1 are all black to it
    bytes_ = settle(*read(tmp_path, {"gain": 0.06, "layout": "NHWC"}, input=SQUASH), PHOTOS, UNKNOWN).scale

    assert (usual.value, keras.value, bytes_.value) == (IMAGENET, UNIT, UNSCALED)
    assert all("a guess" in fact.source for fact in (usual, keras, bytes_))


@pytest.mark.parametrize(
    ("activation", "said", "found"),
    [
        ("Softmax", None, "probabilities"),
        ("Sigmoid", None, "independent_probabilities"),
        (None, None, "logits"),
        ("Softmax", "logits", "probabilities"),
        ("Softmax", "independent_logits", "probabilities"),
        (None, "probabilities", "logits"),
        (None, "independent_probabilities", "independent_logits"),
        ("Sigmoid", "probabilities", "independent_probabilities"),
        ("Sigmoid", "independent_probabilities", "independent_probabilities"),
        (None, "logits", "logits"),
        (None, "independent_logits", "independent_logits"),
    ],
)
def test_the_numbers_are_what_they_are_on_photos(tmp_path: Path, activation: Any, said: Any, found: str) -> None:
    facts = {"scale": IMAGENET} | ({"outputs": said} if said else {})

    outputs = settle(*read(tmp_path, {"activation": activation}, **facts), PHOTOS, UNKNOWN).outputs

    assert outputs.value == found
    assert ("though the test says" in outputs.source) == (said is not None and said != found)


def test_a_network_of_grey_photos_gets_them_grey(tmp_path: Path) -> None:
    assert settle(*read(tmp_path, {"colours": 1}), PHOTOS, UNKNOWN).channels.value == "grey"
    with pytest.raises(NetworkError, match="three channels"):
        settle(*read(tmp_path, {}, channels="grey"), PHOTOS, UNKNOWN)


def test_nan_is_an_error_with_a_name(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="NaN"):
        settle(*read(tmp_path, {"nan": True}, scale=IMAGENET), PHOTOS, UNKNOWN)


def test_whole_photos_need_a_graph_that_takes_any_shape(tmp_path: Path) -> None:
    whole = WholeInput(fit="whole", shorter_side=32, interpolation="bilinear")

    with pytest.raises(UnclearSource, match="no other shape"):
        settle(*read(tmp_path, {}, input=whole), PHOTOS, UNKNOWN)
    assert (
        settle(*read(tmp_path, {"free_sides": True}, input=whole, scale=IMAGENET), PHOTOS, UNKNOWN).input.value == whole
    )
    with pytest.raises(UnclearSource, match="--size"):
        settle(*read(tmp_path, {"free_sides": True}, scale=IMAGENET), PHOTOS, UNKNOWN)


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ({"channels": "bgr"}, {"channels": "rgb"}, "--channels bgr"),
        ({"scale": UNSCALED}, {"scale": IMAGENET}, "0 to 255"),
        (
            {"input": SQUASH},
            {"input": PadInput(fit="pad", height=32, width=32, interpolation="bilinear")},
            "--fit squash",
        ),
    ],
)
def test_a_way_with_which_it_is_right_more_often_is_pointed_out(
    tmp_path: Path, right: Any, wrong: Any, named: str
) -> None:
    usual: dict[str, Any] = {"input": SQUASH, "scale": IMAGENET, "channels": "rgb"}
    gain = {"gain": 0.3} if "scale" in right else {}
    reading, net = read(tmp_path, gain, **usual | right)
    preparation = settle(reading, net, PHOTOS, UNKNOWN)
    truth = [int(settling.reference(net, preparation)(image).argmax()) for image in PHOTOS]
    reading, net = read(tmp_path, gain, **usual | wrong)

    said = list(alternatives(net, settle(reading, net, PHOTOS, UNKNOWN), PHOTOS, truth))

    assert any(named in words and "100% right" in words for words in said)
    assert list(alternatives(net, preparation, PHOTOS, truth)) == []


@pytest.mark.parametrize(
    "flag",
    [
        {"fit": "pad"}, {"resize": 40}, {"interpolation": "box"}, {"antialias": False}, {"rounding": "paddle"},
        {"colour": (1, 2, 3)}, {"align": "start"}, {"mean": (0.5,)}, {"std": (0.5,)}, {"values": "0 to 1"}, {"channels": "bgr"},
    ],
)  # fmt: skip
def test_every_flag_about_photos_takes_the_place_of_the_sources_own_pipeline(flag: dict[str, Any]) -> None:
    """Else it would be compared with a pipeline that does not know of the flag, and refused for what was asked of it."""
    assert Options(**flag).changes_preprocessing
    assert not Options(output="classes", outputs="logits").changes_preprocessing
