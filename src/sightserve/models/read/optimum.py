"""A folder of Hugging Face's with an ONNX file (Optimum, transformers.js) -> [labels, geometry, scale, outputs]."""

from dataclasses import replace
from pathlib import Path

from sightserve.models.errors import SourceError
from sightserve.models.read import huggingface_config
from sightserve.models.read.graph import check_classifies, load
from sightserve.models.read.onnx_file import described
from sightserve.models.read.place import bundle_name, only_graph, place_of
from sightserve.models.read.values import read_object, shown
from sightserve.models.source import Options, Reading

_CONFIG, _PREPROCESSOR = "config.json", "preprocessor_config.json"


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: model.onnx, or onnx/model.onnx, with config.json as transformers and timm write it."""
    place = place_of(source, workspace)
    if place is None or (path := only_graph(place)) is None:
        return None
    folder = next((each for each in (path.parent, path.parent.parent) if (each / _CONFIG).is_file()), None)
    if folder is None or (folder != path.parent and path.parent.name != "onnx"):
        return None
    config = read_object(folder / _CONFIG)
    if not {"model_type", "architectures", "id2label", "pretrained_cfg"} & config.keys():
        return None  # somebody else's config.json
    _check_task(config, folder)
    preprocessor = read_object(folder / _PREPROCESSOR) if (folder / _PREPROCESSOR).is_file() else None
    graph = load(path)
    check_classifies(graph, options.output)
    found = huggingface_config.preprocessing_of(config, preprocessor)
    notes = found.notes
    if preprocessor is None and "pretrained_cfg" not in config:
        notes += (
            f"{_PREPROCESSOR} is not beside {_CONFIG}, and it says how a photo becomes the input: copy it there too",
        )
    reading = Reading(
        graph=path,
        kind="Hugging Face folder with ONNX",
        name=place.name if place.graph is None else bundle_name(folder),
        labels=huggingface_config.labels_of(config),
        input=found.input,
        channels=found.channels,
        scale=found.scale,
        outputs=huggingface_config.outputs_of(config),
        notes=notes,
    )
    reading = described(reading, graph, options)
    words = config.get("model_type") or config.get("architecture")
    return replace(reading, description=f"{words} image classifier") if isinstance(words, str) else reading


def _check_task(config: dict[str, object], folder: Path) -> None:
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    others = (
        "ObjectDetection",
        "Segmentation",
        "DepthEstimation",
        "SequenceClassification",
        "CausalLM",
        "TokenClassification",
    )
    if any(other in name for other in others):
        raise SourceError(
            f"{folder / _CONFIG} says architectures: {shown(name)}, and only image classifiers are served here"
        )
