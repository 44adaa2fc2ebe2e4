"""A model of a Triton repository (NAME/config.pbtxt, NAME/1/model.onnx) -> [labels, size, output]."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sightserve.models.errors import SourceError, UnclearSource
from sightserve.models.read.graph import check_classifies, load
from sightserve.models.read.labels import read_labels
from sightserve.models.read.onnx_file import described
from sightserve.models.read.pbtxt import parse
from sightserve.models.read.place import bundle_name, place_of
from sightserve.models.read.values import read_text, shown
from sightserve.models.source import Fact, Options, Reading

_CONFIG: Final = "config.pbtxt"
_ONNX: Final = frozenset({"", "onnxruntime", "onnxruntime_onnx"})
_ELSEWHERE: Final = "Add the file that it was made from"


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: config.pbtxt tells that it is one; of a whole repository with one model, that."""
    place = place_of(source, workspace)
    if place is None:
        return None
    folder = _model_folder(place.folder, place.graph)
    if folder is None:
        return None
    said = parse(read_text(folder / _CONFIG), str(folder / _CONFIG))
    backend = _first(said, "backend") or _first(said, "platform")
    if backend == "ensemble" or "ensemble_scheduling" in said:
        raise SourceError(
            f"{folder / _CONFIG} describes an ensemble: add the model in it that classifies, by its own folder"
        )
    if backend not in _ONNX:
        raise SourceError(f"{folder / _CONFIG} is for {shown(backend)}, and ONNX is what is read here. {_ELSEWHERE}")
    path = place.graph or _newest(folder, str(_first(said, "default_model_filename") or "model.onnx"))
    graph = load(path)
    check_classifies(graph, options.output)
    outputs = [each for each in said.get("output", []) if isinstance(each, dict)]
    labelled = [each for each in outputs if _first(each, "label_filename")]
    chosen = labelled[0] if labelled else outputs[0] if len(outputs) == 1 else {}
    name = _first(chosen, "name")
    output = Fact(str(name), f"output in {_CONFIG}") if name and len(graph.outputs) > 1 else None
    reading = Reading(
        graph=path,
        kind="Triton model repository",
        name=bundle_name(folder),
        labels=_labels(folder, chosen) if options.labels is None else None,
        output=output,
        notes=("Triton leaves scaling and cropping to its clients: what yours do, say with --fit, --mean and --std",),
    )
    return described(reading, graph, options)


def _model_folder(folder: Path, graph: Path | None) -> Path | None:
    """Return the folder of config.pbtxt: this one, the one above a version, or the only one in a repository."""
    for each in (folder, *([folder.parent] if graph or folder.name.isdigit() else [])):
        if (each / _CONFIG).is_file():
            return each
    if graph:
        return None
    found = sorted(path.parent for path in folder.glob(f"*/{_CONFIG}"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:6])
        raise UnclearSource(f"{folder} is a Triton repository of {len(found)} models ({names}): name the folder of one")
    return found[0] if found else None


def _newest(folder: Path, file: str) -> Path:
    if PurePosixPath(file).name != file:
        raise SourceError(f"{folder / _CONFIG} says default_model_filename: {shown(file)}, and must name a file")
    versions = sorted(
        (path for path in folder.iterdir() if path.name.isdigit() and path.is_dir()), key=lambda path: int(path.name)
    )
    for version in reversed(versions):
        if (path := version / file).is_file():
            return path
        if (path / "model.onnx").is_file():  # a folder, where the weights are beside the graph
            return path / "model.onnx"
    raise SourceError(f"{folder} has no version with {file} in it ({folder.name}/1/{file}). {_ELSEWHERE}, in ONNX")


def _labels(folder: Path, output: Mapping[str, Any]) -> Fact[tuple[str, ...]] | None:
    file = _first(output, "label_filename")
    if not file or not isinstance(file, str):
        return None
    relative = PurePosixPath(file)
    if relative.is_absolute() or ".." in relative.parts:
        raise SourceError(f"{folder / _CONFIG} says label_filename: {shown(file)}, and must name a file in its folder")
    if not (folder / relative).is_file():
        raise SourceError(
            f"{folder / _CONFIG} says label_filename: {shown(file)}, which is not there: copy it, or say --labels"
        )
    return Fact(read_labels(folder / relative), f"{file}, label_filename in {_CONFIG}")


def _first(message: Mapping[str, Any], field: str) -> Any:
    values = message.get(field)
    return values[0] if values else ""
