"""A classifier's bundle -> [one that gives what the classifier's last layer gets, and a perceptual hash] -> slots, as ever.

Its classes are numbers: the features that are positive, the negative ones, and the cells of a difference hash. A slot lets
nothing pass but 0 to 1, so features are scaled by a power of two, which changes no bit of their mantissas.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import sightserve
from sightserve.bundle.manifest import load_bundle
from sightserve.models import graph as graphs
from sightserve.models.errors import AddError
from sightserve.models.write import GRAPH, write
from sightserve.training.errors import TrainError
from sightserve.training.extractor_nodes import COLUMNS, NUMBERS, ROWS, SCALE, ExtractorNodes
from sightserve.training.last_layer import features_of, last_layer

_LEAST_STEP: Final = 1.5 / 255  # between neighbours: less is a recompression's noise, in the sky
_LEAST_OPSET: Final = 11
_EXTERNAL_ABOVE: Final = 50 * 2**20


@dataclass(frozen=True, slots=True)
class Extractor:
    """A bundle that was written.

    Attributes:
        directory: where it is.
        size: how many features there are, D.
        digest: of all that decides what they are: the same of two extractors that give the same.
    """

    directory: Path
    size: int
    digest: str

    def read(self, numbers: Sequence[float]) -> tuple[NDArray[np.float32], np.uint64]:
        """Return a photo's features, (D,), and its hash, of what the slot gives as probabilities."""
        row = np.array(numbers, dtype=np.float32)
        positive, negative, cells = np.split(row, [self.size, 2 * self.size])
        return (positive - negative) * np.float32(SCALE), hash_of(cells)


def hash_of(cells: NDArray[np.float32]) -> np.uint64:
    """Return the difference hash of brightness, 0 to 1, in ROWS x COLUMNS cells: a bit where it grows to the right."""
    grows = np.diff(cells.reshape(ROWS, COLUMNS), axis=1) > _LEAST_STEP
    return np.uint64(int.from_bytes(np.packbits(grows).tobytes(), "big"))


def write_extractor(base: Path, directory: Path, view: str = "") -> Extractor:
    """Write the extractor of a classifier.

    Args:
        base: directory of its bundle.
        directory: an existing one, empty.
        view: how photos are changed before the network sees them: mirror, crop or light; empty: not at all.

    Raises:
        BundleError: the bundle is missing or damaged.
        TrainError: its network does not end as it has to.
    """
    manifest = load_bundle(base).manifest  # verified
    try:
        model = graphs.load(base / manifest.model.file)
    except AddError as exc:
        raise TrainError(f"{manifest.name} cannot be learned on: {exc}") from exc
    size = _cut(model, manifest.output.name, manifest.name, view)
    path = directory / "made" / GRAPH
    path.parent.mkdir()
    graphs.save(model, path, external_above=_EXTERNAL_ABOVE)
    seen_as = manifest.input.model_dump(mode="json")
    made = write(
        directory,
        path,
        [str(number) for number in range(2 * size + ROWS * COLUMNS)],
        [],
        name=manifest.name,
        version=manifest.version,
        description=f"what the last layer of {manifest.name} gets",
        input=seen_as,
        max_batch=manifest.max_batch,
        output={"meaning": "independent", "name": NUMBERS},
        source=manifest.source,
        license=manifest.license,
    )
    shutil.rmtree(path.parent)
    told = hashlib.sha256(json.dumps([sightserve.__version__, seen_as], sort_keys=True).encode())
    for ref in (made.model, *made.external_data):
        told.update(ref.sha256.encode())
    return Extractor(directory, size, told.hexdigest())


def _cut(model: Any, output: str | None, name: str, view: str) -> int:  # noqa: ANN401 - protocol buffers are untyped
    """Make an extractor of a classifier's graph; return how many features there are."""
    opset = next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), 0)
    if opset < _LEAST_OPSET:
        raise TrainError(
            f"the network of {name} is in opset {opset}, and {_LEAST_OPSET} is the least that can be learned on: export it anew"
        )
    graph = model.graph
    last = last_layer(graph, output, name)
    size = features_of(graph, last, name)
    builder = ExtractorNodes(graph)
    given = {tensor.name for tensor in graph.initializer}  # old exporters list weights among the inputs
    photos = next(tensor.name for tensor in graph.input if tensor.name not in given)
    if view:
        network = list(graph.node)
        seen = builder.view(photos, view)
        for node in network:
            node.input[:] = [seen if each == photos else each for each in node.input]
        _order(graph, first=len(network))
    builder.outputs(photos, last.input[0], size)
    graphs.prune(graph)
    return size


def _order(graph: Any, *, first: int) -> None:  # noqa: ANN401
    """Put the nodes from this one on before the others: they give what these take."""
    nodes = [type(node).FromString(node.SerializeToString()) for node in graph.node]
    del graph.node[:]
    graph.node.extend([*nodes[first:], *nodes[:first]])
