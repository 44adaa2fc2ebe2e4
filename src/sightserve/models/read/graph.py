"""An .onnx file -> [what its graph says of itself], weights left where they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from sightserve.installing import more
from sightserve.models.errors import MissingPackage, SourceError
from sightserve.models.read.magic import Kind, kind_of
from sightserve.models.read.values import shown

_LARGEST: Final = 2 << 30  # of a protocol buffer
_RANK: Final = 4  # photos, channels, rows and columns
_DISGUISES: Final[dict[Kind, str]] = {
    "empty": "is empty: copy or download it again",
    "web page": "is a web page: download the file itself (on Hugging Face and GitHub, the link that says raw or resolve)",
    "git-lfs": "is a pointer of Git LFS, not the file: run git lfs pull",
    "zip": "is a zip: unpack it, or give it its own name (model.zip, model.pt) and add that",
    "pickle": "is a pickle, as PyTorch writes them, not ONNX: export it with torch.onnx.export",
    "hdf5": "is an HDF5 file, as Keras writes them, not ONNX: add it under its own name (model.h5)",
    "tflite": "is a TensorFlow Lite file, not ONNX: convert it (python -m tf2onnx.convert --tflite FILE --output model.onnx)",
    "ort": "is in ONNX Runtime's own format: add the .onnx that it was made from",
}


class Shape(NamedTuple):
    """An input or output: its name, and its sizes where they are fixed; None: not even how many it has."""

    name: str
    sizes: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Graph:
    """A network's graph, read.

    Attributes:
        metadata: what its exporter wrote into it.
        producer: what wrote it, in lower case.
        inputs: without those that have a value in the file.
        zip_map: labels of a node that gives a table of names and probabilities instead of a tensor, and the tensor before it.
    """

    path: Path
    model: Any
    metadata: dict[str, str]
    producer: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    zip_map: tuple[tuple[str, ...], str] | None = None

    def photo(self) -> Shape | None:
        """Return the only input that can be photos."""
        found = [each for each in self.inputs if each.sizes is None or len(each.sizes) == _RANK]
        return found[0] if len(found) == 1 else None

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the input, where both are fixed."""
        if not (photo := self.photo()) or photo.sizes is None:
            return None
        _, first, second, last = photo.sizes
        height, width = (second, last) if first in {1, 3} else (first, second)
        if first not in {1, 3} and last not in {1, 3}:
            return None
        return (height, width) if height and width else None

    @property
    def batch(self) -> int | None:
        """How many photos the graph takes at once, where that is fixed."""
        photo = self.photo()
        return photo.sizes[0] if photo and photo.sizes else None

    def classes(self, output: str | None = None) -> int | None:
        """Return the number of classes: of the output with this name, or of the only one that can be; None: it does not say."""
        found = [each for each in self.outputs if _classes(each) and output in {None, each.name}]
        return _classes(found[0]) if len(found) == 1 else None


def _classes(shape: Shape) -> int | None:
    """Return how many classes a tensor (photos, classes) has, whatever sizes of 1 lie around."""
    if not shape.sizes or len(shape.sizes) < 2:  # noqa: PLR2004
        return None
    rest = [size for size in shape.sizes[1:] if size != 1]
    if len(rest) > 1:
        return None
    return rest[0] if rest else 1


def load(path: Path) -> Graph:
    """Return what a graph says of itself.

    Raises:
        SourceError: it is not there, is damaged or something else, or what it keeps beside itself is not there.
        MissingPackage: onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as exc:
        raise MissingPackage(f"reading {path.name} needs the package onnx: {more('backend,model')}") from exc
    try:
        kind, size = kind_of(path), path.stat().st_size
        if kind in _DISGUISES:
            raise SourceError(f"{path} {_DISGUISES[kind]}")
        if size >= _LARGEST:
            raise SourceError(
                f"{path} has more than 2 GB, which no ONNX file can have: export it with its weights beside it "
                "(torch.onnx.export(..., external_data=True), onnx.save(..., save_as_external_data=True))"
            )
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror}") from exc
    except DecodeError as exc:
        raise SourceError(f"{path} is not ONNX, or not all of it is there ({size:,} bytes): copy it again") from exc
    graph = model.graph
    if not graph.node or not graph.output:
        raise SourceError(f"{path} has no network in it, or not all of it is there ({size:,} bytes): copy it again")
    _check_external(path, model)
    stored = {each.name for each in graph.initializer}
    return Graph(
        path,
        model,
        {_text(each.key): _text(each.value) for each in model.metadata_props},
        _text(model.producer_name).lower(),
        tuple(_shape(each) for each in graph.input if each.name not in stored),
        tuple(_shape(each) for each in graph.output),
        _zip_map(model),
    )


def _text(value: str | bytes) -> str:
    """Return a string of a protocol buffer, which is bytes where it is no UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _shape(value: Any) -> Shape:
    tensor, name = value.type.tensor_type, _text(value.name)
    if not tensor.HasField("shape"):
        return Shape(name, None)
    return Shape(name, tuple(each.dim_value if each.dim_value > 0 else None for each in tensor.shape.dim))


def _zip_map(model: Any) -> tuple[tuple[str, ...], str] | None:
    """Return labels and tensor of a ZipMap, with which converters for Windows and scikit-learn end their graphs."""
    for node in model.graph.node:
        if node.op_type == "ZipMap" and node.input:
            for each in node.attribute:
                if each.name == "classlabels_strings" and each.strings:
                    return tuple(_text(name) for name in each.strings), _text(node.input[0])
    return None


def _check_external(path: Path, model: Any) -> None:
    """Refuse a graph whose weights are not beside it, or that would have some other file read."""
    sizes: dict[str, int] = {}
    for tensor in _tensors(model):
        if tensor.data_location != 1:  # EXTERNAL
            continue
        entries = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
        name = entries.get("location", "")
        relative = PurePosixPath(name)
        if not name or relative.is_absolute() or ".." in relative.parts or "\0" in name or "\\" in name:
            raise SourceError(f"{path} keeps weights in {shown(name)}: only files beside it are read")
        if name not in sizes:
            beside = path.parent / relative
            if not beside.is_file():
                raise SourceError(
                    f"{path} keeps its weights in {shown(name)}, which is not beside it: copy that file too"
                )
            sizes[name] = beside.stat().st_size
        start, length = (_bytes(entries.get(key, "0")) for key in ("offset", "length"))
        if start + length > sizes[name]:
            raise SourceError(
                f"{path.parent / relative} has {sizes[name]:,} bytes, and {path.name} needs {start + length:,}: copy it again"
            )


def _bytes(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def check_classifies(graph: Graph, output: str | None = None) -> None:
    """Refuse a graph that takes no photo, or that can be seen to give something else than a number for each class.

    Raises:
        SourceError: with what it takes or gives.
    """
    if graph.inputs and not any(each.sizes is None or len(each.sizes) == _RANK for each in graph.inputs):
        raise SourceError(
            f"{graph.path} takes no photo, but {_words(graph.inputs)}: a photo is (photos, 3, height, width)"
        )
    if output is not None or graph.zip_map:
        return
    if not any(not each.sizes or len(each.sizes) == 1 or _classes(each) for each in graph.outputs) and not any(
        len(each.sizes or ()) > 1 and all(size in {None, 1} for size in (each.sizes or ())[2:])
        for each in graph.outputs
    ):
        raise SourceError(
            f"{graph.path} gives {_words(graph.outputs)}, and a classifier gives (photos, classes): it finds objects or marks "
            "pixels, which is not served here"
        )


def _words(shapes: Sequence[Shape]) -> str:
    return ", ".join(
        f"{each.name} ({', '.join('?' if size is None else str(size) for size in each.sizes or ())})"
        for each in shapes[:4]
    )
