"""A .keras or .h5 file -> [its network as ONNX, its labels from beside it]. Keras comes from the user's environment."""

import json
import os
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from sightserve.bundle.inputs import CropInput, SquashInput
from sightserve.models import export
from sightserve.models.errors import NetworkError, SourceError, UnclearSource, UntrustedSource
from sightserve.models.packages import package
from sightserve.models.read import keras_config
from sightserve.models.read.labels import read_labels
from sightserve.models.read.values import read_text
from sightserve.models.source import SIGNED, UNSCALED, Channels, Fact, Options, Reading

_SUFFIXES: Final = frozenset({".keras", ".h5", ".hdf5"})
_INSTALL: Final = "keras tensorflow tf2onnx"
_LABELS: Final = (
    "class_indices.json",
    "labels.json",
    "class_names.json",
    "labels.txt",
    "class_names.txt",
    "classes.txt",
)
_MOST_JSON: Final = 64 << 20
_NHWC: Final = 4
_TEACHABLE: Final = "keras_model.h5"  # and labels.txt with "0 Name" in each line: Teachable Machine's export


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """Read a Keras file; None where a source is none.

    Raises:
        AddError: see `models.errors`.
    """
    path = Path(source)
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return None
    config = _config(path)
    if code := keras_config.foreign(config):
        raise UntrustedSource(
            f"{path} needs {code}: it is not run here. Where you trust it, export it to ONNX in your own program "
            '(model.export("model.onnx", format="onnx")), and add that file'
        )
    model = _load(path)
    height, width, colours = _shape(model, options)
    graph = _export(model, (height, width, colours), workspace)
    outputs = keras_config.outputs_of(config)
    labels = _labels(path.parent)
    facts = _preprocessing(path, config, labels, (height, width))
    channels: Channels = "grey" if colours == 1 else "rgb"
    return Reading(
        graph=graph,
        kind="Keras file",
        name=path.stem,
        labels=labels,
        input=facts.input,
        channels=Fact(channels, "the input's shape"),
        scale=facts.scale,
        outputs=outputs and Fact(outputs, "the last layer's activation"),
        description=f"{model.name}, a {type(model).__name__} network of Keras",
        notes=facts.notes,
    )


@dataclass(frozen=True, slots=True)
class _Preprocessing:
    input: Any
    scale: Any
    notes: tuple[str, ...] = ()


def _preprocessing(path: Path, config: object, labels: Any, size: tuple[int, int]) -> _Preprocessing:
    height, width = size
    if path.name == _TEACHABLE and labels and labels.source == "labels.txt":
        lines = read_text(path.parent / "labels.txt").splitlines()
        if all(line.partition(" ")[0].isdigit() for line in lines if line.strip()):
            how = "Teachable Machine's sample code"
            geometry = CropInput(fit="crop", height=height, width=width, fraction=1.0, interpolation="lanczos")
            return _Preprocessing(Fact(geometry, how), Fact(SIGNED, how))
    layer = keras_config.scales_itself(config)
    squash = SquashInput(fit="squash", height=height, width=width, interpolation="bilinear", antialias=False)
    return _Preprocessing(
        Fact(squash, "as image_dataset_from_directory resizes"),
        Fact(UNSCALED, f"the {layer} layer inside, so it takes 0 to 255") if layer else None,
        (
            "a Keras file does not say how photos were resized: squashed, as image_dataset_from_directory does it; "
            "--fit and --interpolation say otherwise",
        ),
    )


def _config(path: Path) -> object:
    """Return the description of the network that lies in the file."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo("config.json").file_size > _MOST_JSON:
                    raise SourceError(f"{path} has a description of more than {_MOST_JSON >> 20} MB")
                return json.loads(archive.read("config.json"))
        reader = package("h5py", _INSTALL)
        with reader.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise SourceError(
                    f"{path} holds weights and no network: save the whole model (model.save), not save_weights"
                )
            return json.loads(file.attrs["model_config"])
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as exc:
        raise SourceError(f"{path} is not a Keras file, or is damaged: {exc}") from exc


def _keras() -> Any:
    if "KERAS_BACKEND" not in os.environ and find_spec("tensorflow") is None:
        # Keras takes TensorFlow where nobody said anything, and does not start without it
        found = next((each for each in ("torch", "jax") if find_spec(each)), None)
        if found:
            os.environ["KERAS_BACKEND"] = found
    return package("keras", _INSTALL)


def _load(path: Path) -> Any:
    keras = _keras()
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as exc:
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()] or [type(exc).__name__]
        raise SourceError(
            f"Keras {keras.__version__} does not load {path}: {lines[0]}. The version that saved it does, and exports it: "
            'model.export("model.onnx", format="onnx")'
        ) from exc


def _shape(model: Any, options: Options) -> tuple[int, int, int]:
    inputs = model.inputs
    if len(inputs) != 1 or len(model.outputs) != 1:
        raise NetworkError(
            f"the network has {len(inputs)} inputs and {len(model.outputs)} outputs: a classifier of photos has one each"
        )
    shape = tuple(inputs[0].shape)
    if len(shape) != _NHWC or shape[3] not in {1, 3}:
        raise NetworkError(f"the network takes {shape}, no photos: (batch, height, width, 3) is what it must take")
    height, width = shape[1] or (options.size and options.size[0]), shape[2] or (options.size and options.size[1])
    if not height or not width:
        raise UnclearSource("the network takes photos of every size: say which it was trained with, as --size 224x224")
    return int(height), int(width), int(shape[3])


def _export(model: Any, shape: tuple[int, int, int], workspace: Path) -> Path:
    keras = _keras()
    if keras.backend.backend() == "torch":  # a Keras model is a module of PyTorch then
        return export.export(export.network(model), shape, workspace)
    path = workspace / "network.onnx"
    signature = [keras.InputSpec(shape=(None, *shape), dtype="float32", name=export.INPUT)]
    if keras.backend.backend() == "tensorflow":
        package("tf2onnx", "tf2onnx")
    try:
        with export.quiet():
            model.export(str(path), format="onnx", input_signature=signature, verbose=False)
    except Exception as exc:
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()] or [type(exc).__name__]
        raise NetworkError(f"Keras cannot export the network to ONNX: {lines[0]}") from exc
    pixels = {count: np.random.default_rng(count).random((count, *shape), np.float32) for count in (1, 3)}
    expected = {count: np.asarray(model.predict_on_batch(batch)) for count, batch in pixels.items()}
    if trouble := export.compare(path, pixels, expected):
        raise NetworkError(f"the network cannot be exported to ONNX: {trouble}")
    return path


def _labels(folder: Path) -> Fact[tuple[str, ...]] | None:
    for name in _LABELS:
        if (folder / name).is_file():
            return Fact(read_labels(folder / name), name)
    return None
