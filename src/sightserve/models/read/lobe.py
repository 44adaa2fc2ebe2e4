"""An export of Lobe (zip or folder with signature.json) -> [labels, size, geometry and scale, as its own code has them]."""

from pathlib import Path
from typing import Any

from sightserve.models.errors import SourceError
from sightserve.models.read.graph import load
from sightserve.models.read.labels import indexed
from sightserve.models.read.onnx_file import described
from sightserve.models.read.place import bundle_name, only_graph, place_of
from sightserve.models.read.values import input_spec, read_object, shown, sides
from sightserve.models.source import UNIT, Fact, Options, Reading

_SIGNATURE = "signature.json"
_RANK = 4


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: signature.json with `inputs` and `classes` tells that it is one."""
    place = place_of(source, workspace)
    if place is None or not (place.folder / _SIGNATURE).is_file():
        return None
    said = read_object(place.folder / _SIGNATURE)
    if not isinstance(said.get("inputs"), dict) or not {"classes", "doc_name", "export_model_version"} & said.keys():
        return None
    named = said.get("filename")
    path = place.graph
    if path is None and isinstance(named, str) and named.endswith(".onnx") and Path(named).name == named:
        path = place.folder / named
    if path is None and (path := only_graph(place)) is None:
        raise SourceError(
            f"{source} is an export of Lobe as {shown(said.get('format'))}, with no ONNX file in it: in Lobe, Export > ONNX"
        )
    graph = load(path)
    classes, document = said.get("classes"), said.get("doc_name")
    table = classes.get("Label") if isinstance(classes, dict) else None
    where = f"classes.Label in {_SIGNATURE}"
    reading = Reading(
        graph=path,
        kind="Lobe export",
        name=place.name if place.graph is None else bundle_name(place.folder),
        labels=Fact(indexed(table, where), where) if table else None,
        input=_input(said) or None,
        channels=Fact("rgb", "as Lobe has it"),
        scale=Fact(UNIT, "as Lobe has it: 0 to 1"),
        outputs=Fact("probabilities", "as Lobe has it: softmax inside"),
        description=f"Image classifier {document}, trained with Lobe" if isinstance(document, str) and document else "",
    )
    return described(reading, graph, options)


def _input(said: dict[str, Any]) -> Fact[Any] | None:
    image = said["inputs"].get("Image")
    shape = image.get("shape") if isinstance(image, dict) else None
    if not isinstance(shape, list) or len(shape) != _RANK:
        return None
    where = f"inputs.Image.shape in {_SIGNATURE}"
    height, width = sides(shape[1:3], where)
    # its starters cut the largest box of this shape out of the middle, and resize that
    spec = input_spec(where, fit="crop", fraction=1.0, height=height, width=width, interpolation="bilinear")
    return Fact(spec, f"{where}, cropped as Lobe does")
