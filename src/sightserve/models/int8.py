"""wrap -> [the same graph with int8 weights] -> quantise, by ONNX Runtime's own quantiser.

Float stays what rounding would harm and what costs little: the photo's way to the first layer, softmax and sigmoid, and the
logits that go into them. ReLU, ReLU6 and other Clips become the ends of ranges. Weights have 7 bits, with which every CPU gives
the same answers, or 8: x86 without VNNI adds two products of these in 16 bits, which overflow.
"""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from sightserve.models import graph as graphs
from sightserve.models.biases import correct_biases
from sightserve.models.errors import NetworkError

Pixels = NDArray[np.uint8]
Bits = Literal[7, 8]

EXTERNAL_ABOVE: Final = 50 * 2**20  # bytes, as `wrap` has it
_LARGE: Final = 2**30  # bytes of weights that do not fit into one protocol buffer with all that is added
_LEAST_OPSET: Final = 13  # the first with a scale for each channel
FEWER: Final = 7
_FLOAT: Final = frozenset(("Softmax", "ArgMax", "EmbedLayerNormalization"))
_HEAVY: Final = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))
# What has to stay before the end: their outputs are summed over many numbers, so that rounding them costs nothing.
_POOLS: Final = frozenset(("GlobalAveragePool", "GlobalMaxPool", "AveragePool", "MaxPool", "ReduceMean"))


def prepared(graph: Path, folder: Path) -> Path:
    """Write the graph as the quantiser wants it: constants folded, batch normalisation merged, shapes inferred, nodes named.

    Raises:
        NetworkError: it cannot be.
    """
    opset = next((each.version for each in _structure(graph).opset_import if each.domain in {"", "ai.onnx"}), 0)
    if opset < _LEAST_OPSET:
        raise NetworkError(f"int8 with a scale for each channel needs opset {_LEAST_OPSET}, the graph has {opset}")
    path, whole = folder / "prepared.onnx", folder / "whole.onnx"
    with _quietly():
        from onnxruntime.quantization.shape_inference import quant_pre_process

        graphs.save(graphs.load(graph), whole, external_above=_LARGE)  # it looks for external data in another folder
        quant_pre_process(
            str(whole), str(path),
            skip_symbolic_shape=True,  # it wants sympy, and gains nothing for these graphs
            save_as_external_data=weight_bytes(graph) > _LARGE, all_tensors_to_one_file=True,
        )  # fmt: skip
        for left in [*graphs.external_files(whole), whole.name]:
            (folder / left).unlink()
        model = graphs.load(path)
        for number, node in enumerate(model.graph.node):
            node.name = f"{number}_{node.op_type}"
        graphs.save(model, path, external_above=_LARGE)
    return path


def dynamic(source: Path, folder: Path, bits: Bits) -> Path:
    """Write the graph with int8 weights in its matrix products, whose inputs are rounded as they come.

    Args:
        source: a prepared graph.
        folder: that the file goes into.
        bits: of weights.

    Raises:
        NetworkError: it has no matrix product that could be.
    """
    with _quietly(), tempfile.TemporaryDirectory(dir=folder) as scratch:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        made = Path(scratch) / "int8.onnx"
        quantize_dynamic(
            source, made, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, reduce_range=bits == FEWER,
            weight_type=QuantType.QInt8, use_external_data_format=weight_bytes(source) > _LARGE,
        )  # fmt: skip
        model = graphs.load(made)
    if not any(node.op_type in {"MatMulInteger", "DynamicQuantizeMatMul"} for node in model.graph.node):
        raise NetworkError("there is no matrix product with constant weights in it")
    return _written(model, folder)


def static(source: Path, folder: Path, bits: Bits, photos: Sequence[Pixels]) -> Path:
    """Write the graph with int8 weights and int8 tensors, whose ranges are measured on photos.

    Args:
        source: a prepared graph.
        folder: that the file goes into.
        bits: of weights.
        photos: (1, height, width, 3) each.

    Raises:
        NetworkError: it is a transformer, or has no layer that could be.
    """
    graph = _structure(source).graph
    if _attends(graph):
        raise NetworkError("a transformer, which loses more answers by it and gains less than by the dynamic form")
    tail = _tail(graph)
    with _quietly(), tempfile.TemporaryDirectory(dir=folder) as scratch:
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

        class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
            left = iter(photos)

            def get_next(self) -> dict[str, Pixels] | None:
                photo = next(self.left, None)
                return None if photo is None else {graph.input[0].name: photo}

        corrected, made = Path(scratch) / "corrected.onnx", Path(scratch) / "int8.onnx"
        model = graphs.load(source)
        correct_biases(model, photos, Path(scratch), largest=64 if bits == FEWER else 127)
        graphs.save(model, corrected, external_above=_LARGE)
        quantize_static(
            corrected, made, Reader(), quant_format=QuantFormat.QDQ,
            # all that can be: an operator that stays float between others makes both sides convert
            op_types_to_quantize=sorted({*QDQRegistry, *QLinearOpsRegistry} - _FLOAT),
            nodes_to_exclude=[*_head(graph), *tail],
            per_channel=True, reduce_range=bits == FEWER, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            use_external_data_format=weight_bytes(corrected) > _LARGE,
        )  # fmt: skip
        model = graphs.load(made)
    if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise NetworkError("there is no layer in it that could be")
    _keep_logits(model.graph, tail)
    return _written(model, folder)


def weight_bytes(graph: Path) -> int:
    """Return the size of a graph in bytes, its external data included."""
    return graph.stat().st_size + sum((graph.parent / name).stat().st_size for name in graphs.external_files(graph))


def _structure(graph: Path) -> Any:
    return onnx.load(str(graph), load_external_data=False)


def _written(model: Any, folder: Path) -> Path:
    path = folder / "model.onnx"
    del model.metadata_props[:]
    graphs.prune(model.graph)
    graphs.save(model, path, external_above=EXTERNAL_ABOVE)
    return path


def _attends(graph: Any) -> bool:
    """Whether matrices are multiplied that both depend on the photo."""
    weights = {each.name for each in graph.initializer}
    return any(node.op_type == "MatMul" and not weights & set(node.input) for node in graph.node)


def _head(graph: Any) -> list[str]:
    """Return the nodes on the photo's way to the first layer."""
    given = {each.name for each in graph.initializer}
    reached, names = {graph.input[0].name}, []
    for node in graph.node:
        inputs = {name for name in node.input if name} - given
        if node.op_type not in _HEAVY and inputs and inputs <= reached:
            names.append(node.name)
            reached.update(node.output)
    return names


def _tail(graph: Any) -> list[str]:
    """Return the nodes behind the last layer: softmax or sigmoid, and what reshapes their inputs."""
    read_by_others: set[str] = set()
    names = []
    for node in reversed(graph.node):
        if node.op_type in _HEAVY | _POOLS or read_by_others & set(node.output):
            read_by_others.update(node.input)
        else:
            names.append(node.name)
    return names


def _keep_logits(graph: Any, tail: Sequence[str]) -> None:
    """Take the last layer's rounding back, where it can give float32: a rounded logit changes the first place."""
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.name not in tail:
            continue
        for position, name in enumerate(node.input):
            back = made_by.get(name)
            rounding = made_by.get(back.input[0]) if back is not None and back.op_type == "DequantizeLinear" else None
            if rounding is None or rounding.op_type != "QuantizeLinear":
                continue
            layer = made_by.get(rounding.input[0])
            if layer is not None and layer.op_type in {"Gemm", "MatMul"}:
                node.input[position] = rounding.input[0]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Have the quantiser say nothing: it writes for its developers, to the root logger, to stdout and to stderr.

    Raises:
        NetworkError: it cannot do it, in a sentence of its own.
    """
    import onnxruntime as ort  # loaded already, by `network`, which has its telemetry off

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    ort.set_default_logger_severity(4)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    except (NetworkError, MemoryError, OSError):
        raise
    except Exception as exc:  # the quantiser raises what it stumbles over
        said = str(exc).strip().splitlines()
        raise NetworkError(f"the quantiser stumbles: {said[0] if said else type(exc).__name__}") from exc
    finally:
        ort.set_default_logger_severity(2)
        logging.disable(before)
