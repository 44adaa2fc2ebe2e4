"""An export of PaddleX or PaddleClas (model.onnx with inference.yml) -> [labels, geometry, channels, scale]."""

import re
from pathlib import Path
from typing import Any, Final

from sightserve.models.errors import MissingPackage, SourceError
from sightserve.models.read.graph import Graph, check_classifies, load
from sightserve.models.read.labels import indexed, read_labels
from sightserve.models.read.onnx_file import described
from sightserve.models.read.place import bundle_name, only_graph, place_of
from sightserve.models.read.preprocessed import Preprocessed, interpolation_of
from sightserve.models.read.values import input_spec, number, numbers, read_text, shown, side, sides, three
from sightserve.models.source import Channels, Fact, Options, Outputs, Reading, Scale

_FILES: Final = ("inference.yml", "inference.yaml", "model.yml", "model.yaml", "inference_cls.yaml", "deploy.yaml")
_FRACTION: Final = re.compile(r"\s*([0-9.eE+-]+)\s*/\s*([0-9.eE+-]+)\s*")
_MOST_ALIASES: Final = 20


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: a YAML file with `PreProcess` or `Transforms` beside the graph tells that it is one."""
    place = place_of(source, workspace)
    if place is None:
        return None
    path = next((path for name in _FILES if (path := place.folder / name).is_file()), None)
    if path is None:
        return None
    said = _yaml(path)
    steps = _steps(said)
    if steps is None:
        return None
    if (graph_path := only_graph(place)) is None:
        raise SourceError(
            f"{source} is an export of PaddlePaddle's without an ONNX file: pip install paddle2onnx, then paddle2onnx "
            "--model_dir . --model_filename inference.json --params_filename inference.pdiparams --save_file inference.onnx"
        )
    graph = load(graph_path)
    check_classifies(graph, options.output)
    found = _preprocessed(steps, graph, path.name)
    general = said.get("Global")
    model = general.get("model_name") if isinstance(general, dict) else None
    reading = Reading(
        graph=graph_path,
        kind="PaddleX export",
        name=place.name if place.graph is None else bundle_name(place.folder),
        labels=_labels(said, path),
        input=found.input,
        channels=found.channels,
        scale=found.scale,
        outputs=_outputs(said, path.name),
        description=f"{model} by PaddlePaddle" if isinstance(model, str) else "",
        notes=found.notes,
    )
    return described(reading, graph, options)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as exc:
        raise MissingPackage(f"reading {path.name} needs the package PyYAML: pip install pyyaml") from exc
    text = read_text(path)
    try:
        # aliases in merged aliases multiply: an exporter writes a few, a bomb needs many
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text) if aliases <= _MOST_ALIASES else None
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise SourceError(f"{path} is not YAML: {getattr(exc, 'problem', None) or 'it cannot be parsed'}") from exc
    if aliases > _MOST_ALIASES:
        raise SourceError(f"{path} has {aliases:,} aliases (*name) in it: no export of PaddleX has so many")
    return content if isinstance(content, dict) else {}


def _steps(said: dict[str, Any]) -> list[tuple[str, dict[str, Any]]] | None:
    """Return the transforms, in order: name and arguments; None where there are none."""
    before = said.get("PreProcess")
    listed = before.get("transform_ops") if isinstance(before, dict) else said.get("Transforms")
    if not isinstance(listed, list):
        return None
    steps = []
    for each in listed:
        entries = each if isinstance(each, dict) else {each: None}
        steps += [(str(name), given if isinstance(given, dict) else {}) for name, given in entries.items()]
    return steps


def _preprocessed(steps: list[tuple[str, dict[str, Any]]], graph: Graph, file: str) -> Preprocessed:
    resize: int | tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    scale: Fact[Scale] | None = None
    channels: Fact[Channels] = Fact("rgb", "as PaddleX reads photos")
    filter_, unknown = "bilinear", []
    for name, given in steps:
        where = f"{name} in {file}"
        match name:
            case "ReadImage" | "DecodeImage":
                bgr = str(given.get("format", "")).upper() == "BGR" or given.get("to_rgb", True) is False
                channels = Fact("bgr" if bgr else "rgb", where)
            case "ResizeImage" | "Resize" | "ResizeByShort":
                filter_ = interpolation_of(given.get("interpolation", given.get("interp")), where, "bilinear")
                short = given.get("resize_short") or given.get("target_short_edge") or given.get("short_size")
                given_size = given.get("size") or given.get("target_size")
                if short:
                    resize = side(short, where)
                elif given_size:
                    width, height = sides(given_size, where)  # width first, as OpenCV has it
                    resize = height, width
            case "CropImage" | "Crop" | "CenterCrop":
                width, height = sides(given.get("size") or given.get("crop_size"), where)
                crop = height, width
            case "NormalizeImage" | "Normalize":
                scale = Fact(_scale(given, where), where)
            case "ToCHWImage" | "ToCHW" | "Permute" | "ToBatch" | "KeepKeys":
                pass
            case _:
                unknown.append(name)
    notes = (
        (f"{file} has steps that are not known here, and were left out: {', '.join(map(shown, unknown))}",)
        if unknown
        else ()
    )
    box = crop or (resize if isinstance(resize, tuple) else graph.size)
    if resize is None or box is None:
        return Preprocessed(None, channels, scale, notes)
    described: dict[str, object] = {"height": box[0], "width": box[1], "interpolation": filter_}
    described["antialias"] = filter_ != "bilinear"  # OpenCV resizes
    if isinstance(resize, int):
        described |= {"fit": "crop", "resize": resize, "rounding": "paddle"}
    else:
        described |= {"fit": "squash", "resize": resize if crop and crop != resize else None, "rounding": "paddle"}
    where = f"{'ResizeImage and CropImage' if crop else 'ResizeImage'} in {file}"
    return Preprocessed(Fact(input_spec(where, **described), where), channels, scale, notes)


def _scale(given: dict[str, Any], where: str) -> Scale:
    """Return what (v * scale - mean) / std is as (v - mean) / std."""
    factor = given.get("scale")
    if isinstance(factor, str) and (match := _FRACTION.fullmatch(factor)):  # "1.0/255.0", "1./255."
        try:
            factor = float(match[1]) / float(match[2])
        except (ValueError, ZeroDivisionError) as exc:
            raise SourceError(f"scale of {where} is {shown(factor)}, and must be a number or a fraction") from exc
    factor = number(1 / 255 if factor is None else factor, f"scale of {where}")
    mean, std = (
        three(numbers(given.get(key, value), f"{key} of {where}")) for key, value in (("mean", 0.0), ("std", 1.0))
    )
    if factor <= 0 or min(std) <= 0:
        raise SourceError(f"scale and std of {where} must be above 0")
    return Scale(tuple(each / factor for each in mean), tuple(each / factor for each in std))


def _post(said: dict[str, Any]) -> dict[str, Any]:
    after = said.get("PostProcess")
    return after if isinstance(after, dict) else {}


def _labels(said: dict[str, Any], path: Path) -> Fact[tuple[str, ...]] | None:
    after = _post(said)
    for name, given in [
        ("PostProcess", after),
        *((key, value) for key, value in after.items() if isinstance(value, dict)),
    ]:
        if table := given.get("label_list"):
            return Fact(indexed(table, f"label_list in {path.name}"), f"{name}'s label_list in {path.name}")
        file = given.get("class_id_map_file")
        # its path is of the machine that trained: the file is taken where it was copied beside
        if isinstance(file, str) and (beside := path.parent / re.split(r"[/\\]", file)[-1]).is_file():
            return Fact(read_labels(beside), beside.name)
    if table := said.get("label_list"):
        return Fact(indexed(table, f"label_list in {path.name}"), f"label_list in {path.name}")
    return None


def _outputs(said: dict[str, Any], file: str) -> Fact[Outputs] | None:
    name = next((key for key in _post(said) if "MultiLabel" in str(key)), None)
    return Fact("independent_probabilities", f"{name} in {file}") if name else None
