"""A PyTorch module -> [an ONNX file that gives the same numbers]."""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sightserve.installing import more
from sightserve.models.errors import NetworkError
from sightserve.models.packages import package, torch

if TYPE_CHECKING:
    from PIL import Image

Floats = NDArray[np.float32]

INPUT: Final = "pixels"
OUTPUT: Final = "scores"
_OPSET: Final = 18
_LARGEST_DIFFERENCE: Final = 1e-4  # of the largest score; exports of real networks differ by 3e-6
_LARGEST_FILE: Final = 1 << 30  # bytes of weights; a protocol buffer holds 2 GB at most
_BATCHES: Final = (1, 3)
_SCORES_AXES: Final = 2  # photos, classes
# The newer exporter first; a batch that cannot be left open is fixed at 1 rather than refused.
_WAYS: Final = ((True, True), (False, True), (True, False), (False, False))


def network(module: Any) -> Any:
    """Return the module as one that takes pixels and gives one tensor, whatever it gives by itself."""
    torch_module = torch()

    class Network(torch_module.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, pixels: Any) -> Any:
            return _scores(self.inner(pixels))

    return Network().eval().float().requires_grad_(False)


def export(module: Any, shape: tuple[int, int, int], workspace: Path) -> Path:
    """Write a network as ONNX: float32 (N, channels, height, width) to scores (N, classes).

    Args:
        module: see `network`.
        shape: channels, height and width of its input.
        workspace: folder to write into.

    Raises:
        NetworkError: it gives no scores of classes, cannot be exported, or the file gives other numbers.
        MissingPackage: what exports is not installed.
    """
    for name in ("onnx", "onnxscript"):
        package(name, "onnx onnxscript")
    pixels = {count: _noise(count, shape) for count in _BATCHES}
    expected = {count: _expected(module, batch) for count, batch in pixels.items()}
    path = workspace / "network.onnx"
    troubles = []
    for dynamo, any_batch in _WAYS:
        batches = _BATCHES if any_batch else (1,)
        try:
            with quiet():
                _write(module, pixels[batches[-1]], path, dynamo=dynamo, any_batch=any_batch)
        except Exception as exc:  # noqa: BLE001 - the exporters raise whatever they stumble over; the other one is tried
            troubles.append(_first_line(exc))
            continue
        if not (trouble := compare(path, {n: pixels[n] for n in batches}, {n: expected[n] for n in batches})):
            return path
        troubles.append(trouble)
    raise NetworkError(f"the network cannot be exported to ONNX: {'; '.join(dict.fromkeys(troubles))}")


def pipeline(module: Any, see: "Callable[[Image.Image], Any]") -> "Callable[[Image.Image], Floats]":
    """Return what gives a network's scores of a photo, float32 (classes,).

    Args:
        module: see `network`.
        see: the source's own way from an upright RGB photo to a tensor or an array (channels, height, width).
    """

    def original(photo: "Image.Image") -> Floats:
        scores: Floats = _run(module, np.asarray(see(photo), np.float32)[None])[0]
        return scores

    return original


def compare(path: Path, pixels: dict[int, Floats], expected: dict[int, Floats]) -> str | None:
    """Return what is wrong with an exported file's answers, None where they are as expected.

    Args:
        path: of the file.
        pixels: by size, batches of what it takes.
        expected: what the network itself gives for each.
    """
    runtime = package("onnxruntime", f"onnxruntime, or {more('backend,model')}")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feed = session.get_inputs()[0].name
        for count, batch in pixels.items():
            got = session.run(None, {feed: batch})[0]
            if got.shape != expected[count].shape:
                return f"of {count} photos the file gives {got.shape}, the network {expected[count].shape}"
            difference = np.abs(got - expected[count]).max() / max(np.abs(expected[count]).max(), 1e-6)
            if not difference <= _LARGEST_DIFFERENCE:  # nor NaN
                return f"the file's scores differ from the network's by {difference:.1e} of the largest"
    except Exception as exc:  # noqa: BLE001 - ONNX Runtime's errors have no base of their own
        return f"ONNX Runtime does not run the file: {_first_line(exc)}"
    return None


def _write(module: Any, pixels: Floats, path: Path, *, dynamo: bool, any_batch: bool) -> None:
    torch_module = torch()
    example = torch_module.from_numpy(pixels)
    more_arguments: dict[str, Any] = {}
    if dynamo:
        weights = sum(tensor.numel() * 4 for tensor in module.state_dict().values())
        more_arguments["external_data"] = weights > _LARGEST_FILE
        if any_batch:
            more_arguments["dynamic_shapes"] = ({0: torch_module.export.Dim.DYNAMIC},)
    elif any_batch:
        more_arguments["dynamic_axes"] = {INPUT: {0: "batch"}, OUTPUT: {0: "batch"}}
    torch_module.onnx.export(
        module,
        (example,),
        str(path),
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=_OPSET,
        dynamo=dynamo,
        verbose=False,
        **more_arguments,
    )


def _expected(module: Any, pixels: Floats) -> Floats:
    try:
        scores = _run(module, pixels)
    except Exception as exc:
        raise NetworkError(
            f"the network does not take pixels of the shape {pixels.shape[1:]}: {_first_line(exc)}"
        ) from exc
    if scores.ndim != _SCORES_AXES or scores.shape[0] != pixels.shape[0] or not scores.shape[1]:
        raise NetworkError(
            f"the network gives {scores.shape} for {len(pixels)} photos, no scores of classes: it is no image classifier"
        )
    if not np.isfinite(scores).all():
        raise NetworkError("the network gives NaN or infinity: its weights are damaged")
    return scores


def _run(module: Any, pixels: Floats) -> Floats:
    torch_module = torch()
    with torch_module.inference_mode():
        return np.asarray(module(torch_module.from_numpy(pixels)).numpy(), np.float32)


def _scores(given: Any) -> Any:
    """Of what a network gives: `logits` of transformers, the first of several that a training loop wants."""
    if hasattr(given, "logits"):
        return given.logits
    if isinstance(given, dict):
        return given["logits"] if "logits" in given else next(iter(given.values()))
    return given[0] if isinstance(given, tuple | list) else given


def _noise(count: int, shape: tuple[int, int, int]) -> Floats:
    return np.random.default_rng(count).standard_normal((count, *shape), np.float32)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what the exporters tell their own developers from who adds a model."""
    with (
        warnings.catch_warnings(),
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - a device
        contextlib.redirect_stdout(nowhere),
    ):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(before)


def _first_line(exc: BaseException) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(exc).__name__
