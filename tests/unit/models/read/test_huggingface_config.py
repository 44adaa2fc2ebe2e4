from typing import Any

import pytest

from sightserve.bundle.inputs import CropInput, InputSpec, PadInput, SquashInput
from sightserve.models.errors import SourceError
from sightserve.models.read.huggingface_config import labels_of, outputs_of, preprocessing_of
from sightserve.models.source import IMAGENET, SIGNED, UNIT

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_normalize": True}


def of(processor: str) -> dict[str, str]:
    return {"image_processor_type": processor}


def crop(side: int, resize: int | None = None, interpolation: Any = "bicubic", **more: Any) -> InputSpec:
    return CropInput(fit="crop", height=side, width=side, resize=resize, interpolation=interpolation, **more)


def squash(side: int, interpolation: Any = "bicubic", resize: Any = None) -> InputSpec:
    return SquashInput(fit="squash", height=side, width=side, interpolation=interpolation, resize=resize)


# What each of transformers' processors makes of such a file: models/*/image_processing_*.py
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ({**of("ViTImageProcessor"), "size": {"height": 224, "width": 224}, "resample": 2}, squash(224, "bilinear")),
        ({"feature_extractor_type": "ViTFeatureExtractor", "size": 224, "resample": 2}, squash(224, "bilinear")),
        ({**of("ViTImageProcessorFast"), "size": [384, 384], "resample": 3}, squash(384)),
        (
            {**of("CLIPImageProcessor"), "size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}},
            crop(224, 224),
        ),
        ({"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224, "resample": 3}, crop(224, 224)),
        ({**of("BitImageProcessor"), "size": {"shortest_edge": 256}, "crop_size": 224}, crop(224, 256)),
        # ConvNeXt: below 384 px int(side / crop_pct) and a crop, from 384 on squashed
        ({**of("ConvNextImageProcessor"), "size": {"shortest_edge": 224}, "crop_pct": 0.875}, crop(224, 256)),
        ({"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": None}, crop(224, 256)),
        ({**of("ConvNextImageProcessor"), "size": {"shortest_edge": 288}, "crop_pct": 0.95}, crop(288, 303)),
        ({**of("ConvNextImageProcessor"), "size": {"shortest_edge": 384}, "crop_pct": 0.875}, squash(384)),
        ({**of("DeiTImageProcessor"), "size": {"height": 256, "width": 256}, "crop_size": 224}, squash(224, resize=(256, 256))),
        ({**of("LevitImageProcessor"), "size": {"shortest_edge": 224}, "crop_size": 224}, crop(224, 256)),
        ({**of("PoolFormerImageProcessor"), "size": {"shortest_edge": 224}, "crop_pct": 0.9}, crop(224, 248)),
        (
            {**of("MobileNetV2ImageProcessor"), "size": {"shortest_edge": 256}, "crop_size": 224, "resample": 2},
            crop(224, 256, "bilinear"),
        ),
        (
            {**of("PerceiverImageProcessor"), "size": {"height": 224, "width": 224}, "crop_size": 256},
            crop(224, fraction=0.875),
        ),
        ({**of("BeitImageProcessor"), "size": 224, "do_center_crop": False, "crop_size": 200}, squash(224)),
        ({"size": 224, "resample": 1}, squash(224, "lanczos")),
        ({"size": 224, "resample": "PIL.Image.Resampling.BILINEAR"}, squash(224, "bilinear")),
    ],
)  # fmt: skip
def test_the_geometry_is_that_of_the_image_processor(file: dict[str, Any], expected: InputSpec) -> None:
    found = preprocessing_of({}, file).input

    assert found is not None
    assert found.value == expected
    assert "preprocessor_config.json" in found.source


def test_the_model_type_names_the_processor_where_the_file_does_not() -> None:
    found = preprocessing_of({"model_type": "resnet"}, {"size": {"shortest_edge": 224}, "crop_pct": 0.875}).input

    assert found is not None
    assert found.value == crop(224, 256)
    assert found.source == "size and crop_pct in preprocessor_config.json"


@pytest.mark.parametrize(
    ("file", "mean", "std"),
    [
        ({"size": 8, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}, IMAGENET.mean, IMAGENET.std),
        ({"size": 8, **HALF, "rescale_factor": 1 / 255}, SIGNED.mean, SIGNED.std),
        ({"size": 8, **HALF, "do_normalize": False}, UNIT.mean[:1], UNIT.std[:1]),
        ({"size": 8, **HALF, **of("MobileViTImageProcessor")}, UNIT.mean[:1], UNIT.std[:1]),
        ({"size": 8, **HALF, "do_rescale": False}, (0.5,) * 3, (0.5,) * 3),
        ({"size": 8, "image_mean": 0.5, "image_std": 0.25, "rescale_factor": 1.0}, (0.5,), (0.25,)),
        # v / 127.5 - 1, then (v - 0.5) / 0.5, then / 0.5 once more
        (
            {"size": 8, **HALF, **of("EfficientNetImageProcessor"), "rescale_factor": 1 / 127.5, "rescale_offset": True},
            (1.5 * 127.5,) * 3,
            (0.25 * 127.5,) * 3,
        ),
    ],
)  # fmt: skip
def test_the_scale_is_of_values_from_0_to_255(
    file: dict[str, Any], mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    found = preprocessing_of({}, file).scale

    assert found is not None
    assert found.value.mean == pytest.approx(mean)
    assert found.value.std == pytest.approx(std)


def test_channels_are_grey_or_reversed_where_the_files_say_so() -> None:
    mobile = {
        "image_processor_type": "MobileViTImageProcessor",
        "size": {"shortest_edge": 288},
        "do_flip_channel_order": True,
    }

    assert preprocessing_of({"num_channels": 1}, {"size": 8}).channels == ("grey", "num_channels in config.json")
    assert preprocessing_of({}, mobile).channels == ("bgr", "do_flip_channel_order in preprocessor_config.json")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"size": {"shortest_edge": 224, "longest_edge": 800}}, "photos of all shapes"),
        ({"size": "224"}, "must be a number of pixels"),
        ({"size": [224]}, "a height and a width"),
        ({"size": 0}, "must be a number of pixels"),
        ({"size": 50_000}, "less than or equal to 4096"),
        ({"size": float("nan")}, "must be a number of pixels"),
        ({"size": 224, "resample": 9}, "must be one of nearest"),
        ({"size": 224, "image_mean": [0.5, 0.5], "image_std": [1, 1]}, "has 2 numbers"),
        ({"size": 224, "image_mean": [0.5], "image_std": [0]}, "must be above 0"),
        ({"size": 224, "rescale_factor": -1}, "must be above 0"),
        ({"size": 224, "do_center_crop": True, "crop_size": {"height": 1}}, "must have a height and a width"),
        ({**of("ConvNextImageProcessor"), "size": 224, "crop_pct": 0.001}, "share of the side"),
    ],
)
def test_a_value_that_cannot_be_is_named(file: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        preprocessing_of({}, file)


def test_what_crops_nothing_is_said() -> None:
    found = preprocessing_of({}, {"size": {"shortest_edge": 224}})

    assert found.input is not None
    assert found.input.value == crop(224, 224)
    assert "kept their shape" in found.notes[0]
    assert preprocessing_of({}, {"do_resize": False}).input is None


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({"input_size": [3, 224, 224], "crop_pct": 0.9, "interpolation": "bicubic"}, crop(224, 248)),
        ({"input_size": [3, 224, 224], "test_input_size": [3, 288, 288]}, crop(224, 256)),
        ({"input_size": [3, 256, 256], "crop_pct": 1.0, "crop_mode": "squash"}, squash(256)),
        ({"input_size": [3, 256, 256], "crop_pct": 0.8, "crop_mode": "squash"}, squash(256, resize=(320, 320))),
        (
            {"input_size": [3, 64, 64], "crop_pct": 1.0, "crop_mode": "border", "mean": [0, 0.5, 1]},
            PadInput(fit="pad", height=64, width=64, colour=(0, 128, 255), interpolation="bicubic"),
        ),
        (
            {"input_size": [3, 64, 128], "crop_pct": 0.9},
            CropInput(fit="crop", height=64, width=128, fraction=0.9, interpolation="bicubic"),
        ),
    ],
)  # fmt: skip
def test_what_timm_says_is_done_as_timm_does_it(cfg: dict[str, Any], expected: InputSpec) -> None:
    found = preprocessing_of({"pretrained_cfg": cfg}, None)

    assert found.input is not None
    assert found.input.value == expected
    assert found.scale is not None
    if "mean" not in cfg:
        assert found.scale.value.mean == pytest.approx(IMAGENET.mean)


def test_labels_are_in_the_order_of_their_numbers_and_placeholders_are_none() -> None:
    numbers = {str(index): f"kind {index}" for index in (2, 10, 0, 1, *range(3, 10))}

    assert labels_of({"id2label": numbers}) == (tuple(f"kind {each}" for each in range(11)), "id2label in config.json")
    assert labels_of({"label2id": {"dog": 1, "cat": 0}}) == (("cat", "dog"), "label2id in config.json")
    assert labels_of({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}) is None
    assert labels_of({}) is None
    described = {"label_names": ["n01", "n02"], "label_descriptions": {"n01": "tench, Tinca tinca"}}
    assert labels_of(described) == (("tench, Tinca tinca", "n02"), "label_names in config.json")


def test_the_kind_of_problem_says_what_the_numbers_are() -> None:
    assert outputs_of({"problem_type": "multi_label_classification"}).value == "independent_logits"
    assert outputs_of({}).value == "logits"
    with pytest.raises(SourceError, match="gives a number, not classes"):
        outputs_of({"problem_type": "regression"})
