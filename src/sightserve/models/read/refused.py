"""What no reader takes -> [what it is, and what to export instead]. Asked last."""

import zipfile
from pathlib import Path
from typing import Final

from sightserve.models.errors import SourceError
from sightserve.models.read.magic import Kind, kind_of
from sightserve.models.read.values import shown
from sightserve.models.source import Options, Reading

_TF2ONNX: Final = "pip install tf2onnx, and python -m tf2onnx.convert"
_CORE_ML: Final = "a Core ML model, which only Apple's systems run: export the model that it was made from to ONNX"
_TENSORRT: Final = "a TensorRT engine, made for one kind of GPU: add the .onnx that it was built from"
_KERAS: Final = (
    "a Keras model's file, or only its weights: add it where Keras is installed, or export it there: "
    "model.export('model.onnx', format='onnx')"
)
_PADDLE: Final = (
    "a PaddlePaddle model: pip install paddle2onnx, and paddle2onnx --model_dir . --model_filename inference.pdmodel "
    "--params_filename inference.pdiparams --save_file inference.onnx"
)
_SUFFIXES: Final = {
    ".tflite": f"a TensorFlow Lite model: {_TF2ONNX} --tflite {{file}} --output model.onnx",
    ".pb": f"a TensorFlow graph: {_TF2ONNX} --graphdef {{file}} --inputs NAME:0 --outputs NAME:0 --output model.onnx",
    ".mlmodel": _CORE_ML,
    ".mlpackage": _CORE_ML,
    ".engine": _TENSORRT,
    ".plan": _TENSORRT,
    ".trt": _TENSORRT,
    ".xml": "an OpenVINO model, if any: add the .onnx, or export the model that it was made from to ONNX",
    ".gguf": "a language model's file (GGUF): an image classifier is what is served here",
    ".ort": "in ONNX Runtime's own format: add the .onnx that it was made from",
    ".safetensors": "weights without their network: add the folder with its config.json, or say --arch timm:NAME",
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".caffemodel": "a Caffe model: convert it to ONNX first",
    ".weights": "weights without their network (Darknet's, or Keras'): export the whole model to ONNX where it was trained",
    ".params": "an MXNet model's weights: mxnet.onnx.export_model makes ONNX of it",
    ".pdmodel": _PADDLE,
    ".pdiparams": _PADDLE,
    ".pt2": "a program that torch.export saved: torch.onnx.export makes ONNX of it, where PyTorch is",
    ".npz": "an archive of NumPy arrays: weights without their network",
}
_KINDS: Final[dict[Kind, str]] = {
    "empty": "empty: copy or download it again",
    "web page": "a web page: download the file itself (on Hugging Face and GitHub: the link that says raw or resolve)",
    "git-lfs": "a pointer of Git LFS, not the file: run git lfs pull",
    "tar": "an archive: unpack it, and add the folder",
    "tflite": _SUFFIXES[".tflite"],
    "ort": _SUFFIXES[".ort"],
    "gguf": _SUFFIXES[".gguf"],
    "tensorrt": _TENSORRT,
    "hdf5": _KERAS,
}
_PHOTOS: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".gif", ".bmp", ".tif", ".tiff"})
_PLAIN_WEIGHTS: Final = (
    "weights of PyTorch's without their network: say --arch timm:NAME or torchvision:NAME, and --labels FILE"
)
_TAKEN: Final = (
    "an .onnx file, a folder or zip with one, a Hugging Face or timm folder, a Keras model, or hf:, timm: or torchvision: "
    "and a name"
)
_PREFIXES: Final = ("hf:", "timm:", "torchvision:")


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: never returns a reading.

    Raises:
        SourceError: says what was found, and what to do.
    """
    path = Path(source)
    if path.is_dir():
        raise SourceError(_of_folder(path))
    if not path.exists():
        raise SourceError(_of_nothing(source))
    if not path.is_file():
        raise SourceError(f"{source} is neither a file nor a folder")
    try:
        kind = kind_of(path)
    except OSError as exc:
        raise SourceError(f"{source} cannot be read: {exc.strerror}") from exc
    raise SourceError(f"{source} is {_of_file(path, kind)}")


def _of_file(path: Path, kind: Kind) -> str:
    suffix = path.suffix.lower()
    if suffix in _PHOTOS:
        words = f"a photo, and a model is to be added: {_TAKEN}"
    elif kind == "zip":
        words = f"a zip without an ONNX file{_listed(path)}. What can be added: {_TAKEN}"
    elif suffix == ".json":
        words = "a file of settings: add the folder in which it lies, if a model is beside it"
    else:
        words = f"nothing that is known here. What can be added: {_TAKEN}"
    if suffix in {".pt", ".pth", ".ckpt", ".bin"}:
        words = _PLAIN_WEIGHTS
    # what it holds, before what it is called, where it holds nothing of use
    broken = _KINDS.get(kind) if kind in {"empty", "web page", "git-lfs"} else None
    return (broken or _SUFFIXES.get(suffix) or _KINDS.get(kind) or words).replace("{file}", path.name)


def _listed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:5]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return ", or a damaged one"
    return f" ({', '.join(shown(name) for name in names)})" if names else ""


def _of_folder(path: Path) -> str:
    names = sorted(each.name for each in path.iterdir())
    suffixes = {Path(name).suffix.lower(): name for name in names}
    found = next((suffix for suffix in (*_SUFFIXES, ".pt", ".pth", ".ckpt") if suffix in suffixes), None)
    if "saved_model.pb" in names:
        words = f"is a TensorFlow SavedModel: {_TF2ONNX} --saved-model {path} --output model.onnx, and add that"
    elif "manifest.json" in names and "labels.txt" in names:
        words = f"is a bundle already: sightserve serve --model {path}"
    elif "MLmodel" in names:
        words = "is a model of MLflow's: add what lies in its data folder, or export the model in it to ONNX"
    elif path.suffix == ".mlpackage" or ".mlmodelc" in suffixes:
        words = f"is {_CORE_ML}"
    elif found:
        words = f"has {suffixes[found]}, which is {_SUFFIXES.get(found, _PLAIN_WEIGHTS)}".replace(
            "{file}", suffixes[found]
        )
    elif _PHOTOS & suffixes.keys():
        words = "is a folder of photos: name the model, and the folder with --photos"
    else:
        inside = f"has {', '.join(map(shown, names[:5]))}{' ...' if names[5:] else ''}" if names else "is empty"
        words = f"{inside}{', and no model that is known here' if names else ''}. What can be added: {_TAKEN}"
    return f"{path} {words}"


def _of_nothing(source: str) -> str:
    prefix, _, name = source.partition(":")
    if source.startswith(_PREFIXES):
        return f"{source} names no model that {prefix} has" if name else f"{prefix}: needs a name after it"
    if "/" not in source and "." not in source:
        return f"there is no file or folder {source}: did you mean timm:{source} or torchvision:{source}?"
    if source.count("/") == 1 and not source.startswith((".", "/", "~")) and not Path(source).suffix:
        return f"there is no file or folder {source}: did you mean hf:{source}?"
    return f"there is no file or folder {source}"
