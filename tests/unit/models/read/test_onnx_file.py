import json
from pathlib import Path

import pytest
from onnx import TensorProto
from tests.onnx_models import classifier, save, ultralytics

from sightserve.bundle.inputs import CropInput, SquashInput
from sightserve.models.errors import AddError, SourceError, UnclearSource
from sightserve.models.read import read
from sightserve.models.source import UNIT, Options, Reading, Scale

NONE = Options()


def reading(source: Path, options: Options = NONE) -> Reading:
    return read(str(source), options, source.parent / "workspace")


def test_a_plain_file_says_nothing_and_nothing_is_made_up(tmp_path: Path) -> None:
    found = reading(save(classifier(), tmp_path / "Cats and dogs.onnx"))

    assert (found.kind, found.name) == ("ONNX file, exported from PyTorch", "cats-and-dogs")
    assert (found.labels, found.input, found.channels, found.scale, found.outputs, found.notes) == (*[None] * 5, ())


def test_a_name_that_everybody_uses_gives_way_to_the_folder(tmp_path: Path) -> None:
    assert reading(save(classifier(), tmp_path / "Mushrooms" / "train3" / "weights" / "best.onnx")).name == "mushrooms"
    assert reading(save(classifier(), tmp_path / "pets" / "model.onnx")).name == "pets"


def test_ultralytics_says_all(tmp_path: Path) -> None:
    found = reading(save(ultralytics(), tmp_path / "best.onnx"))

    assert found.kind == "Ultralytics export"
    assert found.labels == (("cat", "dog", "owl"), "names in the file's metadata")
    assert found.input is not None
    assert found.input.value == CropInput(fit="crop", height=8, width=8, resize=8, interpolation="bilinear")
    assert found.scale is not None
    assert found.scale.value == UNIT
    assert found.outputs is not None
    assert found.outputs.value == "probabilities"
    assert (found.description, found.license) == ("Ultralytics YOLO11n-cls model", "AGPL-3.0-only")


def test_ultralytics_dynamic_sides_are_those_of_the_metadata(tmp_path: Path) -> None:
    said = {"imgsz": "[224, 224]", "task": "classify", "stride": "1", "names": "{0: 'a', 1: 'b'}", "channels": "1"}
    path = save(classifier(classes=2, size=("height", "width"), channels=1, metadata=said), tmp_path / "best.onnx")

    found = reading(path)

    assert found.input is not None
    assert found.input.value == CropInput(fit="crop", height=224, width=224, resize=224, interpolation="bilinear")
    assert found.channels == ("grey", "channels in the file's metadata")


def test_yolov5_is_known_by_what_it_lacks(tmp_path: Path) -> None:
    said = {"stride": "32", "names": "{0: 'a', 1: 'b', 2: 'c'}"}

    found = reading(save(classifier(metadata=said), tmp_path / "best.onnx"))

    assert found.kind == "YOLOv5 export"
    assert found.outputs is not None
    assert found.outputs.value == "logits"
    with pytest.raises(SourceError, match="looks like a detector"):
        reading(save(classifier(metadata=said, head="map"), tmp_path / "det.onnx"))


@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_a_detector_is_told_what_to_train(tmp_path: Path, task: str) -> None:
    with pytest.raises(SourceError, match=f"not a classifier: its metadata say task: '{task}'.*yolo classify train"):
        reading(save(ultralytics(task=task), tmp_path / "best.onnx"))


@pytest.mark.parametrize(
    "names",
    ["{0: __import__('os').getcwd()}", "[x for x in (1,2,3)]", "{0: 'a', 2: 'b'}", "{" * 50_000, "('a' 'b'", ""],
)
def test_names_are_literals_or_an_error(tmp_path: Path, names: str) -> None:
    with pytest.raises(AddError):
        reading(save(ultralytics(names=names), tmp_path / "best.onnx"))


@pytest.mark.parametrize(
    "said",
    [
        {"classes": '["cat", "dog", "owl"]'},
        {"class_names": "cat,dog,owl"},
        {"labels": "cat\ndog\nowl"},
        {"class_labels": "0:cat\n1:dog\n2:owl"},
        {"id2label": '{"0": "cat", "1": "dog", "2": "owl"}'},
        {"class_to_idx": "{'owl': 2, 'cat': 0, 'dog': 1}"},
        {"character": "cat\ndog\nowl"},
        {"class_names": '[{"0": "cat", "1": "dog", "2": "owl"}]'},
        {"Labels": "cat;dog;owl"},
    ],
)
def test_labels_in_the_metadata_are_found_under_the_keys_that_people_use(tmp_path: Path, said: dict[str, str]) -> None:
    found = reading(save(classifier(metadata=said), tmp_path / "net.onnx"))

    assert found.labels == (("cat", "dog", "owl"), f"{next(iter(said))} in the file's metadata")


def test_a_mean_in_the_metadata_is_of_0_to_1_where_it_can_be(tmp_path: Path) -> None:
    said = {"mean": "[0.5, 0.5, 0.5]", "std": "[0.25, 0.25, 0.25]"}

    found = reading(save(classifier(metadata=said), tmp_path / "net.onnx"))

    assert found.scale == (Scale((127.5,) * 3, (63.75,) * 3), "mean and std in the file's metadata")


def test_labels_before_a_zip_map_are_those_of_the_classes(tmp_path: Path) -> None:
    found = reading(save(classifier(head="zip map", labels=["cat", "dog", "owl"]), tmp_path / "net.onnx"))

    assert found.labels == (("cat", "dog", "owl"), "the ZipMap at the graph's end")
    assert found.output == ("probabilities", "before the ZipMap at the graph's end")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "cat\ndog\nowl"),
        ("net.txt", "cat\ndog\nowl"),
        ("net_labels.txt", "cat\ndog\nowl"),
        ("class_indices.json", '{"dog": 1, "cat": 0, "owl": 2}'),
        ("index_to_name.json", '{"0": "cat", "1": "dog", "2": "owl"}'),
        ("imagenet_classes.txt", "cat\ndog\nowl"),
    ],
)
def test_labels_beside_the_file_are_found(tmp_path: Path, name: str, content: str) -> None:
    path = save(classifier(), tmp_path / "net.onnx")
    (tmp_path / name).write_text(content)

    assert reading(path).labels == (("cat", "dog", "owl"), f"{name} beside it")


def test_labels_beside_the_file_that_belong_to_something_else_are_left_and_it_is_said(tmp_path: Path) -> None:
    path = save(classifier(), tmp_path / "net.onnx")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    (tmp_path / "classes.txt").write_bytes(b"K\xe4fer\n")

    found = reading(path)

    assert found.labels is None
    assert "labels.txt beside it has 2 labels, and the network 3 classes" in found.notes[0]
    assert "classes.txt beside it was not taken" in found.notes[1]


def test_too_few_labels_in_the_metadata_are_an_error_that_a_flag_mends(tmp_path: Path) -> None:
    path = save(classifier(metadata={"names": "['cat', 'dog']"}), tmp_path / "net.onnx")
    (labels := tmp_path / "mine.txt").write_text("cat\ndog\nowl\n")

    with pytest.raises(UnclearSource, match=r"3 classes and names in the file's metadata 2 labels.*--labels FILE"):
        reading(path)
    assert reading(path, Options(labels=labels)).labels == (("cat", "dog", "owl"), f"--labels {labels}")


def test_weights_beside_the_file_stay_there_and_must_be_there(tmp_path: Path) -> None:
    path = save(classifier(), tmp_path / "net.onnx", external="net.onnx.data")

    assert reading(path).graph == path
    content = (tmp_path / "net.onnx.data").read_bytes()
    (tmp_path / "net.onnx.data").write_bytes(content[:10])
    with pytest.raises(SourceError, match=r"has 10 bytes, and net.onnx needs"):
        reading(path)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(SourceError, match=r"'net.onnx.data', which is not beside it"):
        reading(path)


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../b", "..\\b", ""])
def test_weights_are_never_read_from_elsewhere(tmp_path: Path, location: str) -> None:
    model = classifier()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)

    with pytest.raises(SourceError, match="only files beside it are read"):
        reading(save(model, tmp_path / "net.onnx"))


def test_what_is_no_classifier_of_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gives output \(\?, 3, 8400\), and a classifier gives"):
        reading(save(classifier(head="map"), tmp_path / "net.onnx"))
    model = classifier()
    del model.graph.input[0].type.tensor_type.shape.dim[2:]
    with pytest.raises(SourceError, match=r"takes no photo, but input \(\?, 3\)"):
        reading(save(model, tmp_path / "net.onnx"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0" * 4096, "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "git lfs pull"),
        (b"\x80\x02}q\x00.", "is a pickle"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 9, "HDF5"),
        (b"\x1c\0\0\0TFL3" + b"\0" * 9, "tf2onnx.convert --tflite"),
        (b"hello, I am no model at all\n" * 9, "is not ONNX, or not all of it is there"),
    ],
)
def test_something_else_that_is_called_onnx_is_told_apart(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "net.onnx").write_bytes(content)

    with pytest.raises(SourceError, match=words):
        reading(tmp_path / "net.onnx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_an_error(tmp_path: Path, share: float) -> None:
    path = save(classifier(classes=40), tmp_path / "net.onnx")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(SourceError, match="copy it again"):
        reading(path)


@pytest.mark.parametrize("ir", [3, 4, 10])
def test_files_of_any_age_are_read(tmp_path: Path, ir: int) -> None:
    assert reading(save(classifier(ir=ir), tmp_path / "net.onnx")).kind.startswith("ONNX file")


def test_a_file_of_more_than_2_gb_is_told_how_to_be_exported(tmp_path: Path) -> None:
    path = save(classifier(), tmp_path / "net.onnx")
    with path.open("r+b") as file:
        file.truncate(3 << 30)  # sparse

    with pytest.raises(SourceError, match=r"more than 2 GB.*external_data=True"):
        reading(path)


def test_a_folder_with_one_file_is_that_file_and_several_have_to_be_named(tmp_path: Path) -> None:
    save(classifier(), tmp_path / "one.onnx")

    assert reading(tmp_path).graph.name == "one.onnx"
    save(classifier(), tmp_path / "two.onnx")
    with pytest.raises(UnclearSource, match=r"2 ONNX files \(one.onnx, two.onnx\)"):
        reading(tmp_path)


def test_repeated_labels_and_odd_orders_are_mended_or_said(tmp_path: Path) -> None:
    names = json.dumps(["1", "10", "2", "2"])

    found = reading(save(classifier(classes=4, metadata={"classes": names}), tmp_path / "net.onnx"))

    assert found.labels is not None
    assert found.labels.value == ("1", "10", "2", "2 (2)")
    assert "more than once" in found.notes[0]
    assert "as text sorts" in found.notes[1]


def test_flags_are_stronger_than_what_was_read(tmp_path: Path) -> None:
    options = Options(fit="squash", mean=(0.5,), std=(0.5,), channels="bgr", outputs="logits")

    found = reading(save(ultralytics(), tmp_path / "best.onnx"), options)

    assert found.input is not None
    assert found.input.value == SquashInput(fit="squash", height=8, width=8, interpolation="bilinear")
    assert found.input.source.startswith("--fit, the rest from imgsz in the file's metadata")
    assert found.scale == (Scale((127.5,), (127.5,)), "--mean and --std")
    assert found.channels == ("bgr", "--channels")
    assert found.outputs == ("logits", "--outputs")
