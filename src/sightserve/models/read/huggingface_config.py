"""config.json and preprocessor_config.json of transformers -> [labels, geometry, scale, outputs]; ONNX beside them or not.

How each image processor resizes was read in transformers 5.24 (models/*/image_processing_*.py); files that older versions
wrote (`feature_extractor_type`, a bare number as `size`) mean what they meant then.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from sightserve.bundle.inputs import InputSpec
from sightserve.models.errors import SourceError
from sightserve.models.read.labels import indexed
from sightserve.models.read.preprocessed import Preprocessed, interpolation_of
from sightserve.models.read.timm_config import of_pretrained_cfg
from sightserve.models.read.values import input_spec, number, numbers, shown, side, sides, three
from sightserve.models.source import Channels, Fact, Outputs, Scale

Json = Mapping[str, Any]

_CONFIG: Final = "config.json"
_PREPROCESSOR: Final = "preprocessor_config.json"
_PLACEHOLDER: Final = re.compile(r"LABEL_\d+")
# Of these a bare number is the shorter side, of all others both sides.
_SHORTEST: Final = frozenset(
    {"bit", "clip", "convnext", "levit", "mobilenetv1", "mobilenetv2", "mobilevit", "poolformer", "textnet"}
)
# These crop where the file does not say whether.
_CROPPING: Final = frozenset(
    {"bit", "clip", "deit", "levit", "mobilenetv1", "mobilenetv2", "mobilevit", "perceiver", "poolformer", "pplcnet"}
)
_BILINEAR: Final = frozenset({"vit", "mobilenetv1", "mobilenetv2", "segformer", "textnet", "pplcnet"})
_PROCESSORS: Final = {
    "convnextv2": "convnext", "cvt": "convnext", "regnet": "convnext", "resnet": "convnext",
    "dinov2": "bit", "focalnet": "bit", "hiera": "bit", "metaclip2": "clip", "mobilevitv2": "mobilevit",
    "data2vecvision": "beit",
}  # fmt: skip
_WARPS_FROM: Final = 384  # px; ConvNeXt's processor crops below, and squashes from there on


def labels_of(config: Json) -> Fact[tuple[str, ...]] | None:
    """Return the labels: id2label of transformers, label_names of timm; None where it has none, or only placeholders."""
    cfg = config.get("pretrained_cfg")
    names = config.get("label_names") or (cfg.get("label_names") if isinstance(cfg, dict) else None)
    if names and isinstance(names, list) and all(isinstance(name, str) for name in names):
        described = config.get("label_descriptions")
        described = described if isinstance(described, dict) else {}
        # synset numbers ("n01440764") are no words for people
        words = [described.get(name) or name for name in names]
        return Fact(tuple(map(str, words)), f"label_names in {_CONFIG}")
    for key in ("id2label", "label2id"):
        if not (table := config.get(key)):
            continue
        labels = indexed(table, f"{key} in {_CONFIG}")
        if all(_PLACEHOLDER.fullmatch(label) for label in labels):
            return None
        return Fact(labels, f"{key} in {_CONFIG}")
    return None


def outputs_of(config: Json) -> Fact[Outputs]:
    """Return what the numbers are that the network gives: transformers' and timm's heads end before the softmax.

    Raises:
        SourceError: it is no classifier.
    """
    problem = config.get("problem_type")
    if problem == "regression":
        raise SourceError(f'{_CONFIG} says "problem_type": "regression": this network gives a number, not classes')
    if problem == "multi_label_classification":
        return Fact("independent_logits", f"problem_type in {_CONFIG}")
    return Fact("logits", f"problem_type in {_CONFIG}" if problem else "as transformers' and timm's heads are")


def preprocessing_of(config: Json, preprocessor: Json | None) -> Preprocessed:
    """Return how a photo becomes the network's input.

    Args:
        config: of the network.
        preprocessor: the content of preprocessor_config.json, or `{}` or None where there is none: timm's own say it in
            the config's `pretrained_cfg`.

    Raises:
        SourceError: a value cannot be what it should be.
    """
    if not preprocessor:
        cfg = config.get("pretrained_cfg")
        return (
            of_pretrained_cfg(cfg)
            if isinstance(cfg, dict) and cfg
            else Preprocessed(channels=_channels(config, {}, ""))
        )
    kind = _kind(config, preprocessor)
    found, notes = _geometry(kind, config, preprocessor)
    return Preprocessed(found, _channels(config, preprocessor, kind), _scale(kind, preprocessor), notes)


def _kind(config: Json, preprocessor: Json) -> str:
    """Return which image processor it is, in lower case: "convnext", "vit"."""
    named = preprocessor.get("image_processor_type") or preprocessor.get("feature_extractor_type")
    words = named if isinstance(named, str) else str(config.get("model_type") or "")
    word = re.sub(r"(ImageProcessor(Fast|Pil)?|FeatureExtractor)$", "", words).replace("_", "").replace("-", "").lower()
    return _PROCESSORS.get(word, word)


def _geometry(kind: str, config: Json, file: Json) -> tuple[Fact[InputSpec] | None, tuple[str, ...]]:
    if not file.get("do_resize", True):
        return None, (
            f"{_PREPROCESSOR} says do_resize: false: photos came in the network's own size, and nothing says how",
        )
    crops = bool(file.get("do_center_crop", kind in _CROPPING))
    crop = _box(file.get("crop_size"), "crop_size") if crops else None
    edge, box = _size(kind, config, file)
    described: dict[str, object] | None = None
    source = "size and crop_size" if crop else "size"
    notes: tuple[str, ...] = ()
    if kind == "pplcnet" and file.get("resize_short", 256) is not None:
        edge = side(file.get("resize_short", 256), f"resize_short in {_PREPROCESSOR}")
    elif kind == "levit" and edge:
        edge = int(256 / 224 * edge)
    elif kind == "poolformer" and (whole := edge or (box and box[0])) and file.get("crop_pct", 0.9) is not None:
        edge, source = int(whole / _fraction(file.get("crop_pct"), 0.9)), "size, crop_pct and crop_size"
    if kind == "convnext" and (whole := edge or (box and box[0])):
        described = {"fit": "squash", "height": whole, "width": whole}
        if whole < _WARPS_FROM:
            resized = int(whole / _fraction(file.get("crop_pct"), 224 / 256))
            described, source = described | {"fit": "crop", "resize": resized}, "size and crop_pct"
    elif kind == "perceiver" and box and crop:  # cuts first, and resizes then
        described = {"fit": "crop", "height": box[0], "width": box[1], "fraction": min(1.0, box[0] / crop[0])}
    elif edge:
        height, width = crop or (edge, edge)
        described = {"fit": "crop", "height": height, "width": width, "resize": edge}
        if not crop:
            notes = (
                f"{_PREPROCESSOR} resizes the shorter side to {edge} px and crops nothing, so photos kept their shape: "
                "the middle square is taken here",
            )
    elif box:
        height, width = crop or box
        described = {"fit": "squash", "height": height, "width": width}
        if crop and crop != box:
            described["resize"] = box
    if described is None:
        return None, ()
    interpolation = interpolation_of(
        file.get("resample"), f"resample in {_PREPROCESSOR}", "bilinear" if kind in _BILINEAR else "bicubic"
    )
    where = f"{source} in {_PREPROCESSOR}"
    rounding = "transformers" if "resize" in described else "torchvision"
    return Fact(input_spec(where, rounding=rounding, **described, interpolation=interpolation), where), notes


def _size(kind: str, config: Json, file: Json) -> tuple[int | None, tuple[int, int] | None]:
    """Return the shorter side, or height and width."""
    size, where = file.get("size"), f"size in {_PREPROCESSOR}"
    if size is None:
        size, where = config.get("image_size"), f"image_size in {_CONFIG}"
    if size is None:
        return None, None
    if isinstance(size, dict):
        if size.get("shortest_edge") is not None and size.get("longest_edge") is None:
            return side(size["shortest_edge"], where), None
        if size.get("height") is not None and size.get("width") is not None:
            return None, (side(size["height"], where), side(size["width"], where))
        raise SourceError(
            f"{where} is {shown(size)}: photos of all shapes, where a bundle needs one. Say --size and --fit"
        )
    if kind in _SHORTEST and not isinstance(size, list | tuple):
        return side(size, where), None
    return None, sides(size, where)


def _box(value: object, name: str) -> tuple[int, int]:
    where = f"{name} in {_PREPROCESSOR}"
    if isinstance(value, dict):
        if "height" not in value or "width" not in value:
            raise SourceError(f"{where} is {shown(value)}, and must have a height and a width")
        return side(value["height"], where), side(value["width"], where)
    return sides(224 if value is None else value, where)


def _fraction(value: object, default: float) -> float:
    found = default if value is None else number(value, f"crop_pct in {_PREPROCESSOR}")
    if not 0.1 <= found <= 1:  # noqa: PLR2004 - the file's share of the shorter side
        raise SourceError(f"crop_pct in {_PREPROCESSOR} is {shown(value)}, and must be a share of the side, at most 1")
    return found


def _channels(config: Json, file: Json, kind: str) -> Fact[Channels]:
    if (count := config.get("num_channels", 3)) == 1:
        return Fact("grey", f"num_channels in {_CONFIG}")
    if count != 3:  # noqa: PLR2004
        raise SourceError(f"{_CONFIG} says num_channels: {shown(count)}, and a photo has three")
    if file.get("do_flip_channel_order", kind == "mobilevit"):
        return Fact("bgr", f"do_flip_channel_order in {_PREPROCESSOR}")
    return Fact("bgr" if kind == "pplcnet" else "rgb", "as its image processor has them")


def _scale(kind: str, file: Json) -> Fact[Scale] | None:
    factor = number(file.get("rescale_factor") or 1 / 255, f"rescale_factor in {_PREPROCESSOR}")
    said = ["rescale_factor"] if "rescale_factor" in file else []
    if not file.get("do_rescale", True):
        factor, said = 1.0, ["do_rescale"]
    if factor <= 0:
        raise SourceError(f"rescale_factor in {_PREPROCESSOR} is {shown(factor)}, and must be above 0")
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    # MobileViT's has a mean in the file, and does nothing with it
    if kind != "mobilevit" and file.get("do_normalize", "image_mean" in file):
        if "image_mean" not in file or "image_std" not in file:
            return None
        mean, std = (numbers(file[key], f"{key} in {_PREPROCESSOR}") for key in ("image_mean", "image_std"))
        said += ["image_mean", "image_std"]
    if len(mean) != len(std):
        mean, std = three(mean), three(std)
    if min(std) <= 0:
        raise SourceError(f"image_std in {_PREPROCESSOR} is {shown(std)}, and must be above 0")
    if kind == "efficientnet":
        if file.get("rescale_offset", False):
            mean = tuple(1 + each for each in mean)
            said.append("rescale_offset")
        if file.get("include_top", True):  # this processor divides by the deviation once more
            said.append("include_top")
            std = tuple(each * each for each in std)
    words = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said) or "do_rescale"
    scale = Scale(tuple(each / factor for each in mean), tuple(each / factor for each in std))
    return Fact(scale, f"{words} in {_PREPROCESSOR}")
