"""A pickle, of PyTorch's or anybody's -> [the classes that it would have made], found without making any of them.

Loading a pickle runs what it says, so none is loaded here: its opcodes are listed (pickletools), and the names in them tell
what wrote it, and so what to export instead. Plain tensors are let pass: PyTorch loads those without running anything.
"""

import io
import mmap
import pickletools
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sightserve.models.errors import SourceError, UntrustedSource
from sightserve.models.read.magic import kind_of
from sightserve.models.read.values import shown
from sightserve.models.source import Options, Reading

_SUFFIXES: Final = frozenset(
    {".pt", ".pth", ".pkl", ".pickle", ".joblib", ".bin", ".ckpt", ".model", ".sav", ".pt2", ".tar"}
)
_MOST_BYTES: Final = 64 << 20  # of opcodes: tensors lie beside them
_MOST_OPCODES: Final = 5_000_000
_MOST_PICKLES: Final = 5  # in a row: before 1.6 PyTorch wrote five, and then the tensors
# What a file of tensors and settings names.
_PLAIN: Final = ("torch._utils.", "torch._tensor.", "torch.nn.parameter.", "torch.storage.", "collections.", "torch.")
_NOT_PLAIN: Final = ("torch.nn.modules.", "torch.fx.", "torch.jit.", "torch.package.")
_BUILTINS: Final = frozenset(
    {
        "builtins.set",
        "builtins.dict",
        "builtins.list",
        "__builtin__.set",
        "_codecs.encode",
        "copyreg._reconstructor",
        "copy_reg._reconstructor",
        "builtins.object",
        "__builtin__.object",
    }
)
_STRINGS: Final = frozenset(
    {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING"}
)
_STATE: Final = (
    "Where it was trained: torch.save(model.state_dict(), 'weights.pth'), and add that with --arch timm:NAME or "
    "torchvision:NAME; or export it: torch.onnx.export(model.eval(), (torch.rand(1, 3, 224, 224),), 'model.onnx', dynamo=True, "
    "dynamic_shapes=[{0: 'batch'}])"
)
_MAKERS: Final = (
    (
        ("ultralytics.",),
        "an Ultralytics checkpoint",
        "Export it: yolo export model={file} format=onnx, and add the .onnx",
    ),
    (
        ("models.yolo.", "models.common."),
        "a YOLOv5 checkpoint",
        "Export it: python export.py --weights {file} --include onnx",
    ),
    (
        ("fastai.", "fastcore."),
        "an export of fastai's",
        "Where it was made: learn = load_learner('{file}'); torch.onnx.export(learn.model.eval(), "
        "(torch.rand(1, 3, 224, 224),), 'model.onnx'); "
        "open('labels.txt', 'w').write('\\n'.join(map(str, learn.dls.vocab))); and add model.onnx",
    ),
    (
        ("sklearn.", "xgboost.", "lightgbm.", "catboost."),
        "a model of scikit-learn's kind",
        "Such a model takes numbers, not photos; one that takes a photo's pixels can be converted with skl2onnx",
    ),
    (
        ("keras.", "tensorflow.", "tf_keras."),
        "a pickled Keras model",
        "Where it was made: model.save('model.keras'), and add that",
    ),
    (("pytorch_lightning.", "lightning."), "a checkpoint of Lightning's", _STATE),
    (("torchvision.", "timm.", "transformers.", "torch.nn.", "torch.fx."), "a whole PyTorch model", _STATE),
)


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """See `read.Reader`: reads nothing, and refuses what would run code.

    Raises:
        UntrustedSource: it is a pickle that makes more than tensors, or a Keras model with code in it.
        SourceError: it is damaged.
    """
    path = Path(source)
    if not path.is_file():
        return None
    if path.suffix.lower() in {".h5", ".hdf5", ".keras"}:
        _refuse_lambda(path)
    elif path.suffix.lower() in _SUFFIXES or kind_of(path) == "pickle":
        refuse(path)
    return None


def refuse(path: Path) -> None:
    """Let a pickle of plain tensors pass, and refuse every other; errors as in `read`."""
    if not (foreign := foreign_classes(path)):
        return
    made_by = (each for each in _MAKERS if any(name.startswith(each[0]) for name in foreign))
    _, what, advice = next(made_by, ((), "a pickle", _STATE))
    names = ", ".join(shown(name) for name in foreign[:3])
    raise UntrustedSource(
        f"{path} is {what}: loading it would run code that it names ({names}), so it is not loaded. "
        f"{advice.replace('{file}', path.name)}"
    )


def foreign_classes(path: Path) -> tuple[str, ...]:
    """Return what a pickle would make besides tensors and containers: module and name, in the file's order.

    Raises:
        SourceError: it is damaged.
    """
    try:
        return tuple(dict.fromkeys(name for each in _pickles(path) for name in _globals(each) if not _plain(name)))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        NotImplementedError,
        RuntimeError,
    ) as exc:
        raise SourceError(f"{path} is damaged, or not all of it is there: copy it again") from exc
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror}") from exc


def _plain(name: str) -> bool:
    if name in _BUILTINS or name.startswith(("numpy.core.", "numpy._core.", "numpy.dtype", "numpy.ndarray")):
        return True
    return name.startswith(_PLAIN) and not name.startswith(_NOT_PLAIN)


def _pickles(path: Path) -> Iterable[bytes]:
    """Yield the opcodes: PyTorch keeps them in a zip as data.pkl, older versions one after the other in the file."""
    if not zipfile.is_zipfile(path):
        if kind_of(path) == "pickle" or path.suffix.lower() in {".pkl", ".pickle", ".joblib", ".sav"}:
            with path.open("rb") as file:
                yield file.read(_MOST_BYTES)
        return
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if any("/code/" in name for name in names):
            raise SourceError(
                f"{path} is TorchScript, which only PyTorch runs: export the model that it was made from with torch.onnx.export"
            )
        for name in names:
            if name.endswith(".pkl"):
                with archive.open(name) as file:
                    yield file.read(_MOST_BYTES)


def _globals(content: bytes) -> Iterable[str]:
    """Yield module and name of each global that the opcodes look up, without looking any up."""
    stream = io.BytesIO(content)
    for _ in range(_MOST_PICKLES):
        start = stream.tell()
        if content[start : start + 1] != b"\x80":
            return  # what follows is numbers
        found = 0
        try:
            for name in _names(stream):
                found += 1
                yield name
        except (ValueError, UnicodeDecodeError):
            if not found:
                raise
            return  # numbers between the opcodes, as joblib writes them, or more of them than are read here


def _names(stream: io.BytesIO) -> Iterable[str]:
    memo: dict[int, str] = {}
    recent: list[str] = []
    last = ""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count > _MOST_OPCODES:
            raise ValueError("too many opcodes")
        name = opcode.name
        if name in {"GLOBAL", "INST"}:
            yield str(argument).replace(" ", ".", 1)
        elif name == "STACK_GLOBAL":
            yield ".".join(recent) if len(recent) > 1 and all(recent) else "a name that it makes up"
        if name in _STRINGS or name in {"BINGET", "LONG_BINGET", "GET"}:
            last = str(argument) if name in _STRINGS else memo.get(int(argument or 0), "")
            recent = [*recent[-1:], last]
        elif name in {"BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"}:
            memo[len(memo) if name == "MEMOIZE" else int(argument or 0)] = last
        else:
            last = ""


def _refuse_lambda(path: Path) -> None:
    """Refuse a Keras model with a Lambda layer, which is Python's bytecode in a file."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
                found = b'"Lambda"' in file.read(_MOST_BYTES)
        elif path.stat().st_size == 0:
            raise SourceError(f"{path} is empty: copy or download it again")
        else:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                found = content.find(b'"class_name": "Lambda"') >= 0
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, RuntimeError, OSError) as exc:
        raise SourceError(
            f"{path} is damaged, or no Keras model: save it again with model.save('model.keras')"
        ) from exc
    if found:
        raise UntrustedSource(
            f"{path} has a Lambda layer, which is code in a file: loading it would run that. Where it was made, replace it by "
            "a layer of Keras (Rescaling, Activation), or export it: model.export('model.onnx', format='onnx')"
        )
