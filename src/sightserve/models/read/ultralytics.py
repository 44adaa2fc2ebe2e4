"""An .onnx file of Ultralytics' exporter -> [all of it: labels, geometry and scale]; YOLOv5's knows less.

Read in ultralytics 8.4 (engine/exporter.py; data/augment.py, classify_transforms) and yolov5 7.0 (export.py,
utils/augmentations.py).
"""

import re
from dataclasses import replace
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.read.graph import Graph
from sightserve.models.read.labels import indexed
from sightserve.models.read.metadata import IN_FILE, literal
from sightserve.models.read.values import input_spec, shown, sides
from sightserve.models.source import IMAGENET, UNIT, Channels, Fact, Reading

_EXPORT: Final = (
    "Sightserve classifies whole photos: train with yolo classify train model=yolo11n-cls.pt data=FOLDER, and export with "
    "yolo export model=best.pt format=onnx"
)


def described(reading: Reading, graph: Graph) -> Reading | None:
    """Return the reading with what the file says; None where it is not Ultralytics'.

    Raises:
        SourceError: it is no classifier.
    """
    said = graph.metadata
    if "names" not in said or "stride" not in said:
        return None
    task = said.get("task")
    if task not in {None, "classify"}:
        raise SourceError(f"{graph.path} is not a classifier: its metadata say task: {shown(task)}. {_EXPORT}")
    if task is None and graph.classes() is None:
        raise SourceError(f"{graph.path} looks like a detector of YOLOv5's. {_EXPORT}")
    return _current(reading, graph) if task else _version_5(reading, graph)


def _current(reading: Reading, graph: Graph) -> Reading:
    said = graph.metadata
    where = f"imgsz {IN_FILE}"
    height, width = graph.size or (sides(literal(said["imgsz"]), where) if "imgsz" in said else (0, 0))
    found = None
    if height:
        where = where if "imgsz" in said else "the input's shape"
        # classify_transforms: the shorter side, then the centre; not square: both sides, whatever the photo's shape
        shape = {"fit": "crop", "resize": height} if height == width else {"fit": "squash"}
        spec = input_spec(where, **shape, height=height, width=width, interpolation="bilinear")
        found = Fact(spec, f"{where}, resized and cropped as Ultralytics does")
    channels: Fact[Channels] = Fact("rgb", "as Ultralytics' exporter has it")
    if "channels" in said:
        channels = Fact("grey" if said["channels"].strip() == "1" else "rgb", f"channels {IN_FILE}")
    return replace(
        _named(reading, graph),
        kind="Ultralytics export",
        input=found,
        channels=channels,
        scale=Fact(UNIT, "as Ultralytics' exporter has it: 0 to 1"),
        outputs=Fact("probabilities", "as Ultralytics' exporter has it: softmax inside"),
    )


def _version_5(reading: Reading, graph: Graph) -> Reading:
    found = None
    if graph.size:
        height, width = graph.size
        shape = {"fit": "crop", "height": height, "width": width, "fraction": 1.0, "interpolation": "bilinear"}
        found = Fact(input_spec("the input's shape", **shape), "the input's shape, cropped as YOLOv5 does")
    return replace(
        _named(reading, graph),
        kind="YOLOv5 export",
        input=found,
        channels=Fact("rgb", "as YOLOv5 has it"),
        scale=Fact(IMAGENET, "as YOLOv5 has it: ImageNet's mean and deviation"),
        outputs=Fact("logits", "as YOLOv5 has it"),
    )


def _named(reading: Reading, graph: Graph) -> Reading:
    said = graph.metadata
    where = f"names {IN_FILE}"
    labels = indexed(literal(said["names"]), where)
    # "Ultralytics YOLO11n-cls model trained on /home/..": the path is nobody's business
    words = re.split(r"\s+trained on\s+", said.get("description", ""))[0].strip()
    if not said.get("license", "").startswith("AGPL-3.0"):
        return replace(reading, labels=Fact(labels, where), description=words)
    note = (
        "Ultralytics' licence is the AGPL-3.0, or one that you bought: under the AGPL, who serves it offers the source"
    )
    return replace(
        reading, labels=Fact(labels, where), description=words, license="AGPL-3.0-only", notes=(*reading.notes, note)
    )
