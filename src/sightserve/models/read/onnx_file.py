"""An .onnx file, or a folder with one -> [what the file says of itself, and what lies beside it]."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from sightserve.models.read import metadata, ultralytics
from sightserve.models.read.beside import labels_beside
from sightserve.models.read.graph import Graph, check_classifies, load
from sightserve.models.read.place import only_graph, place_of
from sightserve.models.source import Fact, Options, Reading

_PRODUCERS: Final = {
    "pytorch": "exported from PyTorch",
    "tf2onnx": "exported from TensorFlow",
    "keras": "exported from Keras",
    "paddlepaddle": "exported from PaddlePaddle",
    "onnxmltools": "converted for Windows ML",
    "winmltools": "converted for Windows ML",
    "skl2onnx": "exported from scikit-learn",
    "matlab": "exported from MATLAB",
}


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: an .onnx file, whatever made it, or a folder or zip in which there is one."""
    place = place_of(source, workspace)
    path = only_graph(place) if place else None
    if place is None or path is None:
        return None
    graph = load(path)
    reading = Reading(graph=path, kind=_kind(graph), name=place.name)
    if found := ultralytics.described(reading, graph):
        return found
    check_classifies(graph, options.output)
    return described(reading, graph, options)


def described(reading: Reading, graph: Graph, options: Options) -> Reading:
    """Return the reading with what stands in the file's metadata or beside it, where the reading has nothing yet."""
    said = graph.metadata
    output = reading.output
    labels = reading.labels or metadata.labels_in(said, graph.classes(options.output))
    notes = reading.notes
    if graph.zip_map:
        names, tensor = graph.zip_map
        where = "the ZipMap at the graph's end"
        labels = labels or Fact(names, where)
        output = output or Fact(tensor, f"before {where}")
    if labels is None and options.labels is None:
        labels, more = labels_beside(graph.path.parent, graph.path.stem, graph.classes(options.output))
        notes += more
    return replace(
        reading,
        labels=labels,
        output=output,
        scale=reading.scale or metadata.scale_in(said),
        channels=reading.channels or metadata.channels_in(said),
        notes=notes,
    )


def _kind(graph: Graph) -> str:
    producer = graph.producer
    if "character" in graph.metadata and not producer:
        producer = "paddlepaddle"  # RapidAI's files, which name no producer
    made = next((words for name, words in _PRODUCERS.items() if name in producer), "")
    return f"ONNX file, {made}" if made else "ONNX file"
