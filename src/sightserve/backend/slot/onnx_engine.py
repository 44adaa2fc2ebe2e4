"""The engine that runs ONNX models. The only module that knows ONNX Runtime."""

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sightserve.backend.errors import ModelError, ModelLoadError
from sightserve.backend.slot.engine import FEATURES, PROBABILITIES
from sightserve.backend.slot.onnx_weights import Content, weights_beside

# Before the import: with it alone, ONNX Runtime would already write an identifier for its telemetry into the home directory.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

ort.disable_telemetry_events()

_RGB: Final = 3
_NO_FILE: Final = "-"


class OnnxEngine:
    """An `engine.Engine` on ONNX Runtime."""

    def __init__(
        self,
        graph: Content,
        external: Mapping[str, Content] = MappingProxyType({}),
        *,
        size: tuple[int, int] | None,
        classes: int,
        output: str | None = None,
        features: str | None = None,
        threads: int = 1,
        max_batch: int | None = None,
        share: bool = False,
    ) -> None:
        """Load the model.

        Args:
            graph: the ONNX file's bytes, verified by the bundle.
            external: those of the files in which it keeps weights, by the names that it has for them.
            size: width and height of the input in pixels, as the manifest promises; None: any.
            classes: of the output, as the manifest promises.
            output: with the probabilities; None: the only one of the right type and shape.
            features: the output with the last feature map, where the manifest promises one.
            threads: intra-op threads of each call.
            max_batch: photos that the graph takes at once, as the manifest promises; None: any number.
            share: work on the external weights where they lie, instead of on a copy in the order that is fastest: a tenth
                slower, and what is mapped is in memory once, however many engines there are.

        Raises:
            ModelLoadError: no ONNX model, or one whose input or output is not what the manifest promises.
        """
        views = weights_beside(graph, external) if share else {}
        # ONNX Runtime does not keep them alive itself
        self._weights = [ort.OrtValue.ortvalue_from_numpy(view) for view in views.values()]
        options = _options(threads, one_shape=size is not None)
        for name, weights in zip(views, self._weights, strict=True):
            options.add_initializer(name, weights)
        if views:
            options.add_session_config_entry("session.disable_prepacking", "1")
        self._session = _session(graph, external, options)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        sides: list[int | None] = [None, None] if size is None else [size[1], size[0]]
        self._input = _one(inputs, "input", "tensor(uint8)", [*sides, _RGB])
        if len(inputs) != 1:
            raise ModelLoadError(f"the model wants {len(inputs)} inputs: {', '.join(tensor.name for tensor in inputs)}")
        named = [tensor for tensor in outputs if output in {None, tensor.name}]
        if not named:
            raise ModelLoadError(f"the manifest promises an output {output!r}: the model has {_described(outputs)}")
        self._probabilities = _one(named, "output", "tensor(float)", [classes])
        if features is not None and features not in {tensor.name for tensor in outputs}:
            raise ModelLoadError(
                f"the manifest promises an output {features!r} for heat maps: the model has {_described(outputs)}"
            )
        self._features = features
        (taken,) = inputs
        self._exactly = taken.shape[0] if isinstance(taken.shape[0], int) else None
        if self._exactly is not None and self._exactly != max_batch:
            promised = "does not say so" if max_batch is None else f"says {max_batch}"
            raise ModelLoadError(
                f"the graph takes exactly {self._exactly} photo{'s' if self._exactly > 1 else ''} at once, and the manifest "
                f"{promised}: write max_batch: {self._exactly} into it, or export the model with a batch of any size"
            )
        self._most = max_batch or sys.maxsize

    def infer(self, batch: NDArray[np.uint8], *, features: bool = False) -> dict[str, NDArray[Any]]:
        """See `Engine`: the outputs under its names, whatever the graph calls them."""
        wanted = {PROBABILITIES: self._probabilities}
        if features and self._features is not None:
            wanted[FEATURES] = self._features
        names = list(wanted.values())
        if len(batch) <= self._most:
            found = self._run(names, batch)
        else:
            parts = [self._run(names, batch[at : at + self._most]) for at in range(0, len(batch), self._most)]
            found = [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
        return dict(zip(wanted, found, strict=True))

    def _run(self, names: list[str], batch: NDArray[np.uint8]) -> list[NDArray[Any]]:
        count = len(batch)
        if self._exactly is not None and count < self._exactly:  # black ones, whose answers nobody gets
            batch = np.concatenate([batch, np.zeros((self._exactly - count, *batch.shape[1:]), dtype=batch.dtype)])
        try:
            found = self._session.run(names, {self._input: batch})
        except Exception as exc:
            raise ModelError(f"inference failed: {exc}") from exc
        return found if len(batch) == count else [output[:count] for output in found]


class OnnxClassMap:
    """An `engine.ClassMap` on ONNX Runtime: loaded when the first heat map is asked for, since most are never."""

    def __init__(self, graph: Content) -> None:
        """Take the bytes of the bundle's class map, verified."""
        self._graph = graph
        self._session: Any = None

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """See `ClassMap`."""
        try:
            if self._session is None:
                self._session = _session(self._graph, {}, _options(1, one_shape=False))
            (shares,) = self._session.run(None, {self._session.get_inputs()[0].name: features})
        except Exception as exc:
            raise ModelError(f"the class map failed: {exc}") from exc
        cells: NDArray[np.float32] = shares
        return cells


def _session(graph: Content, external: Mapping[str, Content], options: Any) -> Any:  # noqa: ANN401 - untyped
    # Always some: with none, ONNX Runtime would look for a graph's external data in the folder that we happen to run in.
    files = {_NO_FILE: b"\0", **external}
    options.add_external_initializers_from_files_in_memory(
        list(files), list(files.values()), list(map(len, files.values()))
    )
    try:
        session = ort.InferenceSession(bytes(graph), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # ONNX Runtime's exceptions share no base class
        raise ModelLoadError(f"ONNX Runtime cannot load the model: {exc}") from exc
    # It keeps the bytes for a change of providers: half of what a large model takes (docs/decisions/internals.md).
    session._model_bytes = None
    return session


def _options(threads: int, *, one_shape: bool) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    options = ort.SessionOptions()
    options.enable_mem_pattern = one_shape  # else it plans and keeps memory for each shape anew, and is no faster
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning thread answers the next call some microseconds sooner and takes a whole core from its neighbours for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors: what is logged below that is addressed to ONNX Runtime's developers
    return options


def _one(tensors: list[Any], what: str, dtype: str, shape: list[int | None]) -> str:
    """Return the name of the only one of the model's inputs or outputs of this type and shape (N, *shape).

    None stands for a side that is to be free; a side that the model leaves free takes every number.
    """
    found = [tensor.name for tensor in tensors if tensor.type == dtype and _takes(tensor.shape[1:], shape)]
    if len(found) != 1:
        wanted = ["N", *("any" if side is None else side for side in shape)]
        raise ModelLoadError(
            f"the manifest promises one {what} of {dtype} with shape {wanted}, the model has {_described(tensors)}"
        )
    name: str = found[0]
    return name


def _takes(has: list[Any], wanted: list[int | None]) -> bool:
    return len(has) == len(wanted) and all(
        side == want or not isinstance(side, int) for side, want in zip(has, wanted, strict=True)
    )


def _described(tensors: list[Any]) -> str:
    return ", ".join(f"{tensor.name}: {tensor.type} {tensor.shape}" for tensor in tensors)
