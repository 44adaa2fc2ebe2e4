from pathlib import Path
from typing import Any

import pytest

from sightserve.bundle.inputs import CropInput, InputSpec, PadInput, SquashInput
from sightserve.models.errors import AddError, SourceError, UnclearSource
from sightserve.models.read.overrides import apply
from sightserve.models.source import IMAGENET, Fact, Options, Reading, Scale

CROP = CropInput(fit="crop", height=224, width=224, resize=256, interpolation="bicubic")
READ = Reading(
    graph=Path("net.onnx"), kind="ONNX file", name="net", input=Fact(CROP, "config"), scale=Fact(IMAGENET, "config")
)
NOTHING = Reading(graph=Path("net.onnx"), kind="ONNX file", name="net")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(resize=300), CROP.model_copy(update={"resize": 300})),
        (Options(interpolation="bilinear"), CROP.model_copy(update={"interpolation": "bilinear"})),
        # another size keeps the share that is cut away: 256 / 224 * 448
        (Options(size=(448, 448)), CROP.model_copy(update={"height": 448, "width": 448, "resize": 512})),
        (Options(fit="squash"), SquashInput(fit="squash", height=224, width=224, interpolation="bicubic")),
        (Options(fit="pad"), PadInput(fit="pad", height=224, width=224, interpolation="bicubic")),
        (Options(), CROP),
    ],
)
def test_a_flag_changes_its_own_fact_and_keeps_the_rest(options: Options, expected: InputSpec) -> None:
    found = apply(READ, options)

    assert found.input is not None
    assert found.input.value == expected


def test_the_graphs_own_size_need_not_be_said() -> None:
    found = apply(NOTHING, Options(fit="pad"), size=(48, 192))

    assert found.input == (PadInput(fit="pad", height=48, width=192, interpolation="bilinear"), "--fit")
    with pytest.raises(UnclearSource, match="say --size HEIGHT WIDTH too"):
        apply(NOTHING, Options(fit="pad"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(mean=(0.5,), std=(0.5,)), Scale((127.5,), (127.5,))),
        (Options(mean=(127.0,), std=(128.0,)), Scale((127.0,), (128.0,))),
        (Options(mean=(0.0,), std=(255.0,)), Scale((0.0,), (255.0,))),
        (Options(mean=(104.0, 117.0, 123.0), std=(1.0,)), Scale((104.0, 117.0, 123.0), (1.0, 1.0, 1.0))),
        (Options(std=(0.2,)), Scale(IMAGENET.mean, (51.0,) * 3)),
        (Options(mean=(0.2, 0.2, 0.2)), Scale((51.0,) * 3, IMAGENET.std)),
    ],
)
def test_numbers_up_to_1_are_of_0_to_1(options: Options, expected: Scale) -> None:
    found = apply(READ, options)

    assert found.scale is not None
    assert found.scale.value == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mean": (1.0, 2.0)}, "--mean has 2 numbers"),
        ({"std": (0.0,)}, "--std must be above 0"),
        ({"fit": "pad", "resize": 256}, "--resize is of the shorter side before a crop, and the fit is pad"),
        ({"size": (9000, 9000)}, "--size: height is 9000"),
        ({"interpolation": "magic"}, "--interpolation is 'magic'"),
        ({"labels": Path("nowhere.txt")}, "nowhere.txt cannot be read"),
    ],
)
def test_a_flag_that_cannot_be_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        apply(READ, Options(**options))


def test_every_error_is_one_that_the_command_line_shows() -> None:
    assert issubclass(UnclearSource, AddError)
