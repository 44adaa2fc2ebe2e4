"""A folder as transformers' `save_pretrained` writes it -> [its network as ONNX, labels, preprocessing]."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from sightserve.models import export
from sightserve.models.errors import NetworkError, SourceError, UntrustedSource
from sightserve.models.packages import package, torch
from sightserve.models.read import weights
from sightserve.models.read.card import license_of
from sightserve.models.read.huggingface_config import labels_of, outputs_of, preprocessing_of
from sightserve.models.read.values import read_object
from sightserve.models.source import Options, Reading

if TYPE_CHECKING:
    from PIL import Image

_DEFAULT_SIDE: Final = 224
_PREPROCESSOR: Final = "preprocessor_config.json"


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """Read a folder with config.json and PyTorch weights; None where it is none of transformers'.

    Raises:
        AddError: see `models.errors`.
    """
    folder = Path(source)
    if not (folder / "config.json").is_file():
        return None
    config = read_object(folder / "config.json")
    if "architecture" in config or not (config.get("architectures") or config.get("model_type")):
        return None
    if weights.in_folder(folder) is None:
        if any(folder.glob("*.onnx")) or any(folder.glob("onnx/*.onnx")):
            return None
        raise SourceError(
            f"{folder} has a config.json but no weights: model.safetensors or pytorch_model.bin lies beside it "
            "in a whole folder"
        )
    _check_trust(config, folder)
    preprocessor = read_object(folder / _PREPROCESSOR) if (folder / _PREPROCESSOR).is_file() else None
    found = preprocessing_of(config, preprocessor)
    outputs = outputs_of(config)
    model = _load(folder, config)
    network = export.network(model)
    size = options.size or (
        (found.input.value.height, found.input.value.width)
        if found.input and found.input.value.fit != "whole"
        else _size(config)
    )
    channels = config.get("num_channels") or 3
    graph = export.export(network, (channels, *size), workspace)
    own = preprocessor and not options.changes_preprocessing
    return Reading(
        graph=graph,
        kind="Hugging Face folder",
        name=folder.resolve().name,
        labels=labels_of(config),
        input=found.input,
        channels=found.channels,
        scale=found.scale,
        outputs=outputs,
        description=f"{type(model).__name__} of transformers",
        license=license_of(folder),
        notes=found.notes,
        original=_pipeline(folder, network) if own else None,
    )


def _check_trust(config: dict[str, Any], folder: Path) -> None:
    if config.get("auto_map") and not config.get("model_type"):
        raise UntrustedSource(
            f"{folder} brings its own code (auto_map in config.json), which is not run here: export it to ONNX where you "
            "trust it, and add that file"
        )


def _load(folder: Path, config: dict[str, Any]) -> Any:
    torch()
    transformers = package("transformers", "transformers")
    with _silent(transformers):
        try:
            model, loading = transformers.AutoModelForImageClassification.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                # what the exporters take of every network, and what can be quantised
                attn_implementation="eager",
                dtype="float32",
            )
        except Exception as exc:
            raise _refusal(exc, folder, config) from exc
    missing = sorted(loading["missing_keys"])
    if missing or loading["mismatched_keys"]:
        raise NetworkError(
            f"{folder} lacks weights of {type(model).__name__} ({', '.join(missing[:3]) or 'of other shapes'}): "
            "its classifier was never trained or not saved, and would be random"
        )
    return model


def _refusal(exc: Exception, folder: Path, config: dict[str, Any]) -> Exception:
    words = str(exc)
    named = ", ".join(map(str, config.get("architectures") or [config.get("model_type")]))
    if "trust_remote_code" in words or "custom code" in words:
        return UntrustedSource(
            f"{folder} brings its own code, which is not run here: export it to ONNX where you trust it, and add that file"
        )
    if "weights_only" in words or "Unpickl" in type(exc).__name__ or "unpickl" in words.lower():
        return UntrustedSource(
            f"{folder}/pytorch_model.bin is a pickle with code in it, which is not run here: save the model again with "
            "save_pretrained(..., safe_serialization=True), where you trust it"
        )
    if "Unrecognized" in words or "does not recognize this architecture" in words:
        return SourceError(
            f"{folder}: {named} is no image classifier that this transformers knows: a classifier's config.json names an "
            "architecture that ends in ForImageClassification; for a newer one, pip install --upgrade transformers"
        )
    lines = [line.strip() for line in words.splitlines() if line.strip()] or [type(exc).__name__]
    return SourceError(f"{folder}: transformers cannot load {named}: {lines[0]}")


def _size(config: dict[str, Any]) -> tuple[int, int]:
    size = config.get("image_size")
    if isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) for side in size):  # noqa: PLR2004
        return size[0], size[1]
    return (size, size) if isinstance(size, int) and size > 0 else (_DEFAULT_SIDE, _DEFAULT_SIDE)


def _pipeline(folder: Path, network: Any) -> "Callable[[Image.Image], NDArray[Any]]":
    transformers = package("transformers", "transformers")
    with _silent(transformers):
        processor = transformers.AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    return export.pipeline(network, lambda photo: processor(images=photo, return_tensors="np")["pixel_values"][0])


@contextlib.contextmanager
def _silent(transformers: Any) -> Any:
    """Its reports of missing weights and progress are said here in other words, or are no news."""
    log = transformers.utils.logging
    before = log.get_verbosity()
    bars = log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(before)
        if bars:
            log.enable_progress_bar()
