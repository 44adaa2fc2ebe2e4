"""read -> [the source's own network, run as it is] -> wrap, and what the wrapped one is compared with."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from sightserve.models import graph as graphs
from sightserve.models.errors import NetworkError, UnclearSource
from sightserve.models.graph import PhotoInput

# Before the import: with it alone, ONNX Runtime would already write an identifier for its telemetry into the home directory.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

ort.disable_telemetry_events()

_USUAL_SIDE: Final = 224  # px, for a first look at a network whose sides are free
_TYPES: Final[dict[int, Any]] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
    TensorProto.UINT8: np.uint8,
}


@dataclass(frozen=True, slots=True)
class Network:
    """An ONNX file that was looked at and tried.

    Attributes:
        path: of the file.
        input: that takes photos.
        layout: NCHW or NHWC.
        colours: channels that it takes: 1 or 3.
        size: height and width in pixels, where they are fixed.
        output: with the classes.
        shape: of that, for one photo.
        session: of ONNX Runtime.
    """

    path: Path
    input: PhotoInput
    layout: str
    colours: int
    size: tuple[int, int] | None
    output: str
    shape: tuple[int, ...]
    session: Any

    @property
    def columns(self) -> int:
        """How many numbers it gives for one photo."""
        return int(np.prod(self.shape[1:], dtype=int))

    def __call__(self, photo: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return its raw output, (columns,), for one photo as it wants it, (height, width, channels).

        Raises:
            NetworkError: it fails.
        """
        return run(self.session, self.input, self.layout, self.output, photo)[0].reshape(-1)


def session_of(model: bytes | Path) -> Any:
    """Return a model loaded by ONNX Runtime, on one thread, as a slot has it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )


def run(
    session: Any, photo: PhotoInput, layout: str, output: str | None, pixels: NDArray[Any]
) -> list[NDArray[np.float32]]:
    """Return what a network gives for one photo, (height, width, channels): of this output, or of all.

    Raises:
        NetworkError: it fails.
    """
    batch = pixels[None] if layout == "NHWC" else pixels.transpose(2, 0, 1)[None]
    batch = np.repeat(batch, photo.batch or 1, axis=0).astype(_TYPES[int(photo.dtype)])
    try:
        found = session.run(None if output is None else [output], {photo.name: batch})
    except Exception as exc:  # ONNX Runtime's exceptions share no base class
        raise NetworkError(f"the network fails on a photo: {exc}") from exc
    return [np.asarray(each, dtype=np.float32)[:1] if np.ndim(each) else np.asarray(each, np.float32) for each in found]


def look_at(path: Path, *, size: tuple[int, int] | None, output: str | None, labels: int | None) -> Network:
    """Return the network of an ONNX file, tried on one picture.

    Args:
        path: of the file.
        size: height and width that its source or somebody says, for a graph that leaves them free.
        output: name of the output with the classes, where somebody says it.
        labels: how many there are, where that is known.

    Raises:
        AddError: it is no classifier of photos, or it cannot be told how to run it.
    """
    try:
        session = session_of(path)
    except Exception as exc:
        raise _unloadable(path, exc) from exc
    import onnx

    photo = graphs.photo_input(onnx.load(str(path), load_external_data=False).graph)
    failure: NetworkError | None = None
    for layout in [photo.layout] if photo.layout else ["NCHW", "NHWC"]:
        at = photo._replace(layout=layout)
        fixed = _sides(at, size)
        for colours in [at.colours] if at.colours else [3, 1]:
            sides = fixed or (_USUAL_SIDE, _USUAL_SIDE)
            picture = np.zeros((*sides, colours), dtype=np.float32)
            try:
                shapes = [tuple(each.shape) for each in run(session, at, layout, None, picture)]
            except NetworkError as exc:
                failure = failure or exc
                continue
            names = [each.name for each in session.get_outputs()]
            chosen, shape = graphs.class_output(names, shapes, output, labels)
            return Network(path, at, layout, colours, fixed, chosen, shape, session)
    if size is None and None in photo.shape[1:]:
        raise UnclearSource(
            f"the network leaves its sides free and fails on {_USUAL_SIDE} x {_USUAL_SIDE} pixels: say with --size how large "
            f"its photos are ({failure})"
        )
    raise failure or NetworkError("the network does not run")


def _sides(photo: PhotoInput, size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return height and width that the graph has, and where it leaves them free those that somebody says."""
    height, width = photo.sides
    if height is not None and width is not None:
        return height, width
    return size


def _unloadable(path: Path, exc: Exception) -> NetworkError:
    words = str(exc)
    if opset := re.search(r"support for domain (\S+) is till opset (\d+)", words):
        return NetworkError(
            f"{path.name} uses a newer opset than ONNX Runtime {ort.__version__}, which is installed here, knows "
            f"(up to {opset[2]} of {opset[1]}): export it with opset 17, or install a newer onnxruntime"
        )
    if operator := re.search(r"([\w.]+:\w+)\(.{0,6}\) is not a registered function/op", words):
        return NetworkError(
            f"{path.name} uses the operator {operator[1]}, which ONNX Runtime {ort.__version__} does not have: export it with "
            "standard operators only"
        )
    if "external data" in words.lower() or "External data" in words or "model_path" in words:
        return NetworkError(
            f"{path.name} keeps its weights in another file, which is not beside it or cannot be read: copy both ({words})"
        )
    return NetworkError(f"ONNX Runtime {ort.__version__} cannot load {path.name}: {words}")
