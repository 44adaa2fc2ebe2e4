"""timm's `pretrained_cfg` -> [geometry, scale], as its `create_transform` reads it (timm 1.0, data/transforms_factory.py)."""

import math
from collections.abc import Mapping
from typing import Any, Final

from sightserve.models.errors import SourceError
from sightserve.models.read.preprocessed import Preprocessed, interpolation_of
from sightserve.models.read.values import input_spec, number, numbers, shown, sides, three
from sightserve.models.source import Fact, Scale

_MEAN: Final = [0.485, 0.456, 0.406]
_STD: Final = [0.229, 0.224, 0.225]


def of_pretrained_cfg(cfg: Mapping[str, Any], where: str = "pretrained_cfg in config.json") -> Preprocessed:
    """Return how a photo becomes the network's input.

    Raises:
        SourceError: a value cannot be what it should be.
    """
    shape = cfg.get("input_size") or [3, 224, 224]
    if not isinstance(shape, list | tuple) or len(shape) != 3 or shape[0] not in (1, 3):  # noqa: PLR2004 - it may be a list
        raise SourceError(f"input_size of {where} is {shown(shape)}, and must be 1 or 3 channels, a height and a width")
    height, width = sides(shape[1:], f"input_size of {where}")
    share = number(cfg.get("crop_pct") or 0.875, f"crop_pct of {where}")
    if not 0.1 <= share <= 1:  # noqa: PLR2004
        raise SourceError(f"crop_pct of {where} is {shown(share)}, and must be a share of the side, at most 1")
    resized = math.floor(height / share), math.floor(width / share)
    interpolation = interpolation_of(cfg.get("interpolation"), f"interpolation of {where}", "bicubic")
    described: dict[str, object] = {"height": height, "width": width, "interpolation": interpolation}
    notes: tuple[str, ...] = ()
    mode = cfg.get("crop_mode")
    if mode == "squash":
        described |= {"fit": "squash", "resize": None if share == 1 else resized}
    elif mode == "border":
        fill = three(numbers(cfg.get("mean") or _MEAN, f"mean of {where}"))
        described |= {"fit": "pad", "colour": tuple(round(255 * min(1.0, max(0.0, each))) for each in fill)}
        if share < 1:
            notes = (f"{where} pads and then crops to {share:g} of it: only padded here",)
    elif height == width:
        described |= {"fit": "crop", "resize": resized[0]}
    else:
        described |= {"fit": "crop", "fraction": share}
    mean = numbers(cfg.get("mean") or _MEAN, f"mean of {where}")
    std = numbers(cfg.get("std") or _STD, f"std of {where}")
    if min(std) <= 0:
        raise SourceError(f"std of {where} is {shown(std)}, and must be above 0")
    if len(mean) != len(std):
        mean, std = three(mean), three(std)
    scale = Scale(tuple(255 * each for each in mean), tuple(255 * each for each in std))
    return Preprocessed(
        Fact(input_spec(where, **described), f"input_size and crop_pct of {where}"),
        Fact("grey" if shape[0] == 1 else "rgb", f"input_size of {where}"),
        Fact(scale, f"mean and std of {where}"),
        notes,
    )
