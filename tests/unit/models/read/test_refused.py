"""What cannot be added, and the words for it. Nothing here is ever unpickled: each pickle would leave a mark if it were."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sightserve.models.errors import AddError, SourceError, UntrustedSource
from sightserve.models.read import pickles, read, refused
from sightserve.models.source import Options

NONE = Options()


class Mark:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (Path.touch, (self.path,))


@pytest.fixture
def maker() -> Iterator[Callable[[str], Any]]:
    """Make an instance of a class that this environment does not have: "ultralytics.nn.tasks.ClassificationModel"."""
    made: list[str] = []

    def instance(name: str) -> Any:
        module, _, kind = name.rpartition(".")
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            part = ".".join(parts[:count])
            if part not in sys.modules:
                sys.modules[part] = types.ModuleType(part)
                made.append(part)
        found = type(kind, (), {"__module__": module})
        setattr(sys.modules[module], kind, found)
        return found()

    yield instance
    for part in made:
        del sys.modules[part]


def torch_file(path: Path, content: Any, protocol: int = 2) -> Path:
    """Write what torch.save writes: a zip with the pickle, and tensors beside it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol))
        archive.writestr("archive/data/0", b"\0" * 16)
        archive.writestr("archive/version", "3\n")
    return path


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        (
            "ultralytics.nn.tasks.ClassificationModel",
            "best.pt",
            "Ultralytics checkpoint.*yolo export model=best.pt format=onnx",
        ),
        ("models.yolo.ClassificationModel", "best.pt", "YOLOv5 checkpoint.*export.py --weights best.pt --include onnx"),
        ("fastai.learner.Learner", "export.pkl", r"fastai.*load_learner\('export.pkl'\).*learn.dls.vocab"),
        ("sklearn.svm._classes.SVC", "svm.joblib", "scikit-learn.*skl2onnx"),
        ("torchvision.models.resnet.ResNet", "model.pth", "whole PyTorch model.*state_dict.*--arch"),
        ("mycode.Net", "model.pth", r"a pickle: loading it would run code that it names \('mycode.Net'"),
        ("keras.engine.sequential.Sequential", "model.pkl", "pickled Keras model.*model.keras"),
        ("pytorch_lightning.callbacks.Stop", "last.ckpt", "checkpoint of Lightning's"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_is_told_what_to_export_and_is_not_run(
    tmp_path: Path, maker: Callable[[str], Any], name: str, file: str, words: str, protocol: int
) -> None:
    content = {"model": maker(name), "mark": Mark(tmp_path / "ran")}
    path = tmp_path / file
    if path.suffix in {".pkl", ".joblib"}:
        path.write_bytes(pickle.dumps(content, protocol))
    else:
        torch_file(path, content, protocol)

    with pytest.raises(UntrustedSource, match=words):
        read(str(path), NONE, tmp_path / "workspace")
    assert not (tmp_path / "ran").exists()


def test_old_pytorch_files_are_pickles_in_a_row(tmp_path: Path, maker: Callable[[str], Any]) -> None:
    # magic number, protocol, system, what was saved, its tensors' keys, and then numbers
    rows = [119547037146038801333356, 1001, {"little_endian": True}, maker("mycode.Net"), ["0"]]
    (tmp_path / "old.pth").write_bytes(b"".join(pickle.dumps(row, 2) for row in rows) + b"\x80\x02\0\0" * 9)

    assert pickles.foreign_classes(tmp_path / "old.pth") == ("mycode.Net",)


def test_plain_tensors_pass(tmp_path: Path) -> None:
    content = OrderedDict({"fc.weight": [1.0, 2.0], "epoch": 3})

    assert pickles.foreign_classes(torch_file(tmp_path / "weights.pth", content)) == ()


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_damaged_pickles_are_errors(tmp_path: Path, cut: int) -> None:
    content = pickle.dumps({"a": list(range(50))}, 4)
    (tmp_path / "model.pkl").write_bytes(content[:-cut])

    with pytest.raises(SourceError, match="is damaged"):
        pickles.foreign_classes(tmp_path / "model.pkl")


def test_torchscript_is_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"")
        archive.writestr("model/code/__torch__.py", b"")

    with pytest.raises(SourceError, match=r"TorchScript.*torch.onnx.export"):
        read(str(tmp_path / "model.pt"), NONE, tmp_path)


def test_a_lambda_layer_is_code(tmp_path: Path) -> None:
    config = b'{"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda"}]}}'
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", config)
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 5000 + config)

    for name in ("model.keras", "model.h5"):
        with pytest.raises(UntrustedSource, match="Lambda layer, which is code"):
            read(str(tmp_path / name), NONE, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.tflite", b"\x1c\0\0\0TFL3", "tf2onnx.convert --tflite model.tflite"),
        ("model.pb", b"\x0a\x10", "tf2onnx.convert --graphdef model.pb"),
        ("model.mlmodel", b"\x08\x04", "Core ML"),
        ("model.engine", b"ftrt\0", "TensorRT.*made for one kind of GPU"),
        ("model.plan", b"x", "TensorRT"),
        ("model.xml", b"<net name='x'>", "OpenVINO"),
        ("model.gguf", b"GGUF\3", "language model"),
        ("model.ort", b"\x18\0\0\0ORTM", "the .onnx that it was made from"),
        ("model", b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        ("model.npz", b"PK\x05\x06" + b"\0" * 18, "NumPy"),
        ("model.pdmodel", b"x", "paddle2onnx"),
        ("cat.jpg", b"\xff\xd8\xff", "a photo, and a model is to be added"),
        ("model.tar.gz", b"\x1f\x8b\x08", "unpack it"),
        ("model.bin", b"", "is empty"),
        ("model.tflite", b"<!doctype html>", "is a web page"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ("notes.md", b"# hello", "nothing that is known here. What can be added: an .onnx file"),
        ("config.json", b'{"a": 1}', "add the folder in which it lies"),
        ("weights.pth", b"x", "--arch timm:NAME"),
    ],
)
def test_a_file_that_is_no_model_for_this_server_is_told_what_it_is(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SourceError, match=words):
        refused.read(str(tmp_path / name), NONE, tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["saved_model.pb", "variables"], "TensorFlow SavedModel: .*tf2onnx.convert --saved-model"),
        (["manifest.json", "labels.txt", "model.onnx.gz"], "is a bundle already: sightserve serve --model"),
        (["MLmodel", "data"], "MLflow"),
        (["weights.pth"], "has weights.pth, which is weights of PyTorch's"),
        (["model.tflite", "labels.txt"], "has model.tflite, which is a TensorFlow Lite model"),
        (["1.jpg", "2.jpg"], "is a folder of photos.*--photos"),
        ([], "is empty. What can be added"),
        (["a.txt", "b.txt"], "has 'a.txt', 'b.txt', and no model that is known here"),
    ],
)
def test_a_folder_without_a_model_is_told_what_is_in_it(tmp_path: Path, files: list[str], words: str) -> None:
    (folder := tmp_path / "folder").mkdir()
    for name in files:
        (folder / name).write_bytes(b"x")

    with pytest.raises(SourceError, match=words):
        refused.read(str(folder), NONE, tmp_path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("resnet50", "did you mean timm:resnet50 or torchvision:resnet50"),
        ("google/vit-base", "did you mean hf:google/vit-base"),
        ("./gone.onnx", "there is no file or folder ./gone.onnx"),
        ("hf:", "needs a name after it"),
    ],
)
def test_a_name_that_is_no_file_is_asked_back(
    tmp_path: Path, source: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceError, match=words):
        refused.read(source, NONE, tmp_path)


def test_a_pipe_is_neither_file_nor_folder(tmp_path: Path) -> None:
    with pytest.raises(AddError, match="neither a file nor a folder"):
        refused.read("/dev/null", NONE, tmp_path)


def test_a_zip_lists_what_is_in_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("keras_model.h5", io.BytesIO(b"x").getvalue())

    with pytest.raises(SourceError, match=r"a zip without an ONNX file \('keras_model.h5'\)"):
        read(str(tmp_path / "x.zip"), NONE, tmp_path / "workspace")
