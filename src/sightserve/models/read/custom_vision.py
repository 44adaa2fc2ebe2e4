"""An export of Azure Custom Vision (zip or folder) -> [labels.txt, and what metadata_properties.json says]."""

from pathlib import Path
from typing import Any, Final

from sightserve.bundle.inputs import InputSpec
from sightserve.models.errors import SourceError
from sightserve.models.read import metadata
from sightserve.models.read.graph import Graph, load
from sightserve.models.read.labels import read_labels
from sightserve.models.read.onnx_file import described
from sightserve.models.read.place import Place, bundle_name, only_graph, place_of
from sightserve.models.read.values import input_spec, numbers, read_object, shown, side
from sightserve.models.source import Channels, Fact, Options, Outputs, Reading, Scale

_MANIFEST, _PROPERTIES, _LABELS = "cvexport.manifest", "metadata_properties.json", "labels.txt"
_PRE: Final = "CustomVision.Preprocess."
_METHOD: Final = "CustomVision.Postprocess.Method"
_LIES: Final = (
    "what Custom Vision writes of the range of values (Image.NominalPixelRange) is not always what the network takes: the "
    "test on photos decides, and --mean and --std override it"
)
_EXPORT: Final = "In Custom Vision, choose a compact domain, train, and Export > ONNX"


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: cvexport.manifest or metadata_properties.json tells that it is one."""
    place = place_of(source, workspace)
    if place is None or not any((place.folder / name).is_file() for name in (_MANIFEST, _PROPERTIES)):
        return None
    manifest = _object(place.folder / _MANIFEST)
    said = _object(place.folder / _PROPERTIES)
    domain, platform = str(manifest.get("DomainType") or "Classification"), str(manifest.get("Platform") or "ONNX")
    if domain != "Classification" or str(said.get(_METHOD, "")).startswith(("Yolo", "SSD", "ObjectDetection")):
        raise SourceError(
            f"{source} is an export of Custom Vision for {shown(domain)}: only classifiers are served here"
        )
    path = _graph(place, manifest)
    if path is None:
        raise SourceError(
            f"{source} is an export of Custom Vision for {shown(platform)}, with no ONNX file in it. {_EXPORT}"
        )
    graph = load(path)
    said = {**graph.metadata, **{key: str(value) for key, value in said.items()}}
    labels = place.folder / _LABELS
    reading = Reading(
        graph=path,
        kind="Azure Custom Vision export",
        name=place.name if place.graph is None else bundle_name(place.folder),
        labels=Fact(read_labels(labels), _LABELS) if labels.is_file() and options.labels is None else None,
        input=_input(said, graph),
        channels=_channels(said),
        scale=_scale(said),
        outputs=_outputs(said),
        description="Image classifier trained with Azure Custom Vision",
        notes=(_LIES,),
    )
    return described(reading, graph, options)


def _object(path: Path) -> dict[str, Any]:
    return read_object(path) if path.is_file() else {}


def _graph(place: Place, manifest: dict[str, Any]) -> Path | None:
    named = manifest.get("ModelFileName")
    if place.graph is None and isinstance(named, str) and Path(named).name == named and named.endswith(".onnx"):
        return place.folder / named
    return only_graph(place)


def _input(said: dict[str, str], graph: Graph) -> Fact[InputSpec] | None:
    size, where = graph.size, "the input's shape"
    if size is None and f"{_PRE}TargetHeight" in said:
        where = f"TargetHeight and TargetWidth in {_PROPERTIES}"
        keys = (f"{_PRE}TargetHeight", f"{_PRE}TargetWidth")
        height, width = (side(metadata.literal(said.get(key, "")), where) for key in keys)
        size = height, width
    if size is None:
        return None
    method = said.get(f"{_PRE}CropMethod")
    shape: dict[str, object] = {"fit": "squash"}
    if method in {"FullImageShorterSide", "CenterCrop"}:
        shape, where = {"fit": "crop", "fraction": 1.0}, f"{where}, and CropMethod in {_PROPERTIES}"
    else:
        where += ", squashed as Custom Vision's samples do"
    return Fact(input_spec(where, **shape, height=size[0], width=size[1], interpolation="bilinear"), where)


def _channels(said: dict[str, str]) -> Fact[Channels]:
    found = metadata.channels_in(said)
    return (
        Fact(found.value, f"Image.BitmapPixelFormat in {_PROPERTIES}")
        if found
        else Fact("rgb", "as Custom Vision's samples do")
    )


def _scale(said: dict[str, str]) -> Fact[Scale] | None:
    keys = (f"{_PRE}NormalizeMean", f"{_PRE}NormalizeStd")
    nominal = metadata.scale_in(said)
    if not all(key in said for key in keys):
        return Fact(nominal.value, f"Image.NominalPixelRange in {_PROPERTIES}") if nominal else None
    mean, std = (numbers(metadata.literal(said[key]), f"{key} in {_PROPERTIES}") for key in keys)
    if set(mean) == {0.0} and set(std) == {1.0}:
        return Fact(nominal.value, f"Image.NominalPixelRange in {_PROPERTIES}") if nominal else None
    if min(std) <= 0:
        raise SourceError(f"NormalizeStd in {_PROPERTIES} is {shown(said[keys[1]])}, and must be above 0")
    return Fact(metadata.scale_of(mean, std), f"NormalizeMean and NormalizeStd in {_PROPERTIES}")


def _outputs(said: dict[str, str]) -> Fact[Outputs]:
    method = said.get(_METHOD, "")
    if method == "ClassificationMultiLabel":
        return Fact("independent_probabilities", f"Postprocess.Method in {_PROPERTIES}")
    source = f"Postprocess.Method in {_PROPERTIES}" if method else "as Custom Vision has them"
    return Fact("probabilities", source)
