"""What tools leave behind in a folder or a zip, beside the graph."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
from tests.onnx_models import classifier, save

from sightserve.bundle.inputs import CropInput, InputSpec, SquashInput
from sightserve.models.errors import SourceError, UnclearSource
from sightserve.models.read import read
from sightserve.models.source import IMAGENET, UNIT, UNSCALED, Options, Reading

NONE = Options()
Files = Mapping[str, str | onnx.ModelProto]


def folder(directory: Path, files: Files) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            save(content, path)
    return directory


def zipped(directory: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(directory))
    return to


def reading(source: Path, options: Options = NONE) -> Reading:
    return read(str(source), options, source.parent / "workspace")


def geometry(found: Reading) -> InputSpec:
    assert found.input is not None
    return found.input.value


CUSTOM_VISION: Files = {
    "model.onnx": classifier(classes=2, layout="NHWC", head="softmax"),
    "labels.txt": "Negative\nPositive",
    "cvexport.manifest": json.dumps(
        {
            "DomainType": "Classification",
            "Platform": "ONNX",
            "ModelFileName": "model.onnx",
            "LabelFileName": "labels.txt",
        }
    ),
    "metadata_properties.json": json.dumps(
        {
            "CustomVision.Postprocess.Method": "ClassificationMultiClass",
            "CustomVision.Preprocess.CropMethod": "FullImageShorterSide",
            "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
            "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
            "CustomVision.Preprocess.TargetHeight": "300",
            "CustomVision.Preprocess.TargetWidth": "300",
            "Image.BitmapPixelFormat": "Bgr8",
            "Image.NominalPixelRange": "Normalized_0_1",
        }
    ),
}


def test_custom_vision_is_read_from_its_zip_and_its_range_is_doubted(tmp_path: Path) -> None:
    found = reading(zipped(folder(tmp_path / "in", CUSTOM_VISION), tmp_path / "Rash.ONNX.zip"))

    assert (found.kind, found.name) == ("Azure Custom Vision export", "rash.onnx")
    assert found.labels == (("Negative", "Positive"), "labels.txt")
    # the graph's own size, which is 8 x 8 here, is stronger than the file's
    assert geometry(found) == CropInput(fit="crop", height=8, width=8, fraction=1.0, interpolation="bilinear")
    assert found.channels == ("bgr", "Image.BitmapPixelFormat in metadata_properties.json")
    assert found.scale == (UNIT, "Image.NominalPixelRange in metadata_properties.json")
    assert "not always what the network takes" in found.notes[0]


def test_custom_visions_old_files_have_all_in_the_graph(tmp_path: Path) -> None:
    said = {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"}
    graph = classifier(head="zip map", labels=["a", "b", "c"], metadata=said, producer="WinMLTools")

    found = reading(save(graph, tmp_path / "net.onnx"))

    assert found.kind == "ONNX file, converted for Windows ML"
    assert (found.channels and found.channels.value, found.scale and found.scale.value) == ("bgr", UNSCALED)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cvexport.manifest": '{"DomainType": "ObjectDetection"}'}, "for 'ObjectDetection': only classifiers"),
        ({"metadata_properties.json": "[]"}, "holds no JSON object"),
        (
            {
                "metadata_properties.json": json.dumps(
                    {"CustomVision.Preprocess.NormalizeMean": "[1]", "CustomVision.Preprocess.NormalizeStd": "[0]"}
                )
            },
            "must be above 0",
        ),
        (
            {"cvexport.manifest": '{"ModelFileName": "../../etc/model.onnx"}', "labels.txt": "a\nb\nc"},
            "2 classes and labels.txt 3",
        ),
    ],
)
def test_custom_visions_faults_are_named(tmp_path: Path, change: dict[str, str], words: str) -> None:
    with pytest.raises((SourceError, UnclearSource), match=words):
        reading(folder(tmp_path / "in", {**CUSTOM_VISION, **change}))


def test_custom_vision_for_another_platform_is_told_what_to_export(tmp_path: Path) -> None:
    files = {"cvexport.manifest": '{"Platform": "TensorFlow", "ModelFileName": "saved_model.pb"}', "labels.txt": "a\nb"}

    with pytest.raises(SourceError, match=r"for 'TensorFlow', with no ONNX file in it.*Export > ONNX"):
        reading(folder(tmp_path / "in", files))


LOBE: Files = {
    "model.onnx": classifier(layout="NHWC", head="softmax", input_name="Image"),
    "labels.txt": "cat\ndog\nowl",
    "signature.json": json.dumps(
        {
            "doc_name": "Pets",
            "format": "onnx",
            "filename": "model.onnx",
            "inputs": {"Image": {"dtype": "float32", "shape": [None, 8, 8, 3], "name": "Image"}},
            "outputs": {"Confidences": {"dtype": "float32", "shape": [None, 3]}},
            "classes": {"Label": ["cat", "dog", "owl"]},
            "export_model_version": 1,
        }
    ),
}


@pytest.mark.parametrize("packed", [True, False])
def test_lobe_is_read_from_its_signature(tmp_path: Path, packed: bool) -> None:
    source = folder(tmp_path / "in", LOBE)

    found = reading(zipped(source, tmp_path / "Pets.zip") if packed else source)

    assert found.kind == "Lobe export"
    assert found.labels == (("cat", "dog", "owl"), "classes.Label in signature.json")
    assert geometry(found) == CropInput(fit="crop", height=8, width=8, fraction=1.0, interpolation="bilinear")
    assert found.scale is not None
    assert found.scale.value == UNIT


def test_lobe_for_tensorflow_is_told_what_to_export(tmp_path: Path) -> None:
    said = {"format": "tf", "filename": "saved_model.pb", "inputs": {"Image": {}}, "classes": {"Label": ["a", "b"]}}

    with pytest.raises(SourceError, match="Lobe as 'tf', with no ONNX file"):
        reading(folder(tmp_path / "in", {"signature.json": json.dumps(said)}))


PADDLE_YAML = """
Global: {model_name: PP-LCNet_x1_0_doc_ori}
Hpi:
  backend_configs:
    paddle_infer: {trt_dynamic_shapes: &id001 {x: [[1, 3, 8, 8]]}}
    tensorrt: {dynamic_shapes: *id001}
PreProcess:
  transform_ops:
  - ResizeImage: {resize_short: 10}
  - CropImage: {size: 8}
  - NormalizeImage: {mean: [0.485, 0.456, 0.406], scale: 1./255., std: [0.229, 0.224, 0.225], order: '', channel_num: 3}
  - ToCHWImage: null
PostProcess:
  Topk: {topk: 1, label_list: ['0', '90', '180', '270']}
"""


def test_paddlex_is_read_from_its_yaml(tmp_path: Path) -> None:
    source = folder(
        tmp_path / "doc_ori",
        {"inference.onnx": classifier(classes=4), "inference.yml": PADDLE_YAML, "x.onnx": classifier()},
    )

    found = reading(source)

    assert (found.kind, found.graph.name) == ("PaddleX export", "inference.onnx")
    assert found.labels == (("0", "90", "180", "270"), "Topk's label_list in inference.yml")
    assert geometry(found) == CropInput(
        fit="crop", height=8, width=8, resize=10, rounding="paddle", interpolation="bilinear", antialias=False
    )
    assert found.channels == ("rgb", "as PaddleX reads photos")
    assert found.scale is not None
    assert found.scale.value.mean == pytest.approx(IMAGENET.mean)
    assert found.scale.value.std == pytest.approx(IMAGENET.std)


def test_paddleclas_squashes_width_before_height_and_names_bgr_and_a_label_file(tmp_path: Path) -> None:
    text = r"""
PreProcess:
  transform_ops:
  - DecodeImage: {to_rgb: false}
  - ResizeImage: {size: [16, 8], interpolation: bicubic}
  - NormalizeImage: {scale: 1.0, mean: [1, 2, 3], std: 2}
  - Wobble: {}
PostProcess: {Topk: {class_id_map_file: 'E:\data\label.txt'}}
"""
    files: Files = {"model.onnx": classifier(size=(8, 16)), "model.yml": text, "label.txt": "0 cat\n1 dog\n2 owl\n"}

    found = reading(folder(tmp_path / "in", files))

    assert geometry(found) == SquashInput(fit="squash", height=8, width=16, interpolation="bicubic", rounding="paddle")
    assert found.channels == ("bgr", "DecodeImage in model.yml")
    assert found.scale is not None
    assert found.scale.value == ((1.0, 2.0, 3.0), (2.0, 2.0, 2.0))
    assert found.labels == (("cat", "dog", "owl"), "label.txt")
    assert "Wobble" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PreProcess: [", "is not YAML"),
        ("a: !!python/object/apply:os.system ['true']", "is not YAML"),
        (
            "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
            "72 aliases",
        ),
        (PADDLE_YAML.replace("size: 8", "size: many"), "'many', and must be a number of pixels"),
        (PADDLE_YAML.replace("1./255.", "1/0"), "must be a number or a fraction"),
    ],
)
def test_yaml_runs_nothing_and_explodes_nowhere(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        reading(folder(tmp_path / "in", {"inference.onnx": classifier(classes=4), "inference.yml": text}))


def test_paddle_without_onnx_is_told_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="paddle2onnx"):
        reading(folder(tmp_path / "in", {"inference.yml": PADDLE_YAML, "inference.pdiparams": "x"}))


TRITON = """
name: "pets"
platform: "onnxruntime_onnx"  # a comment
max_batch_size : 8
input [ { name: "input" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 8, 8 ] } ]
output [ { name: "features", dims: [ 3 ] }, { name: "output" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "labels.txt" } ]
dynamic_batching { preferred_batch_size: [ 2, 4 ] } parameters < key: 'x\\'y' value: { string_value: "a" "b" } >
"""


@pytest.mark.parametrize("at", ["repository", "model", "version", "file"])
def test_a_triton_repositorys_newest_version_is_read(tmp_path: Path, at: str) -> None:
    graph = classifier(outputs=("output", "features"))
    files: Files = {
        "config.pbtxt": TRITON,
        "labels.txt": "cat\ndog\nowl",
        "2/model.onnx": classifier(),
        "10/model.onnx": graph,
    }
    model = folder(tmp_path / "models" / "pets", files)
    where = {"repository": model.parent, "model": model, "version": model / "10", "file": model / "10" / "model.onnx"}

    found = reading(where[at])

    assert (found.kind, found.name, found.graph) == ("Triton model repository", "pets", model / "10" / "model.onnx")
    assert found.labels == (("cat", "dog", "owl"), "labels.txt, label_filename in config.pbtxt")
    assert found.output == ("output", "output in config.pbtxt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('platform: "tensorrt_plan"', "is for 'tensorrt_plan', and ONNX is what is read here"),
        ("ensemble_scheduling { step [ {} ] }", "describes an ensemble"),
        ('output { name: "o" label_filename: "../../../etc/passwd" }', "must name a file in its folder"),
        ('output { name: "o" label_filename: "gone.txt" }', "which is not there"),
        ('default_model_filename: "../x.onnx"', "must name a file"),
        ('default_model_filename: "other.onnx"', "has no version with other.onnx in it"),
        ("input [ {", r"ends within a message"),
        ("input [", "ends within a list"),
        ("name:", "ends where a value must be"),
        ('name: "open', "cannot be parsed from line 1 on"),
        ("a { " * 5000, "more than 50 deep"),
        ("}", "where a field's name must be"),
    ],
)
def test_config_pbtxt_may_hold_anything(tmp_path: Path, text: str, words: str) -> None:
    source = folder(tmp_path / "pets", {"config.pbtxt": text, "1/model.onnx": classifier()})

    with pytest.raises(SourceError, match=words):
        reading(source)


def test_a_version_whose_weights_are_beside_the_graph_is_a_folder(tmp_path: Path) -> None:
    source = folder(
        tmp_path / "pets", {"config.pbtxt": 'backend: "onnxruntime"', "1/model.onnx/model.onnx": classifier()}
    )

    assert reading(source).graph == source / "1" / "model.onnx" / "model.onnx"


def test_a_repository_of_several_models_asks_for_one(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        folder(tmp_path / "models" / name, {"config.pbtxt": TRITON})

    with pytest.raises(UnclearSource, match=r"2 models \(cats, dogs\)"):
        reading(tmp_path / "models")


CONFIG: dict[str, Any] = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "id2label": {"10": "k", **{str(n): chr(97 + n) for n in range(10)}},
    "problem_type": "multi_label_classification",
}
PREPROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": 8, "width": 8},
    "resample": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "do_normalize": True,
}


@pytest.mark.parametrize("at", ["model.onnx", "onnx/model.onnx", "named"])
def test_optimums_folder_says_all_that_transformers_would(tmp_path: Path, at: str) -> None:
    name = "model.onnx" if at == "named" else at
    files = {"config.json": json.dumps(CONFIG), "preprocessor_config.json": json.dumps(PREPROCESSOR)}
    source = folder(tmp_path / "my-vit", {name: classifier(classes=11), **files})

    found = reading(source / name if at == "named" else source)

    assert (found.kind, found.name) == ("Hugging Face folder with ONNX", "my-vit")
    assert found.labels == (tuple("abcdefghijk"), "id2label in config.json")
    assert geometry(found) == SquashInput(fit="squash", height=8, width=8, interpolation="bilinear")
    assert found.outputs == ("independent_logits", "problem_type in config.json")


def test_optimums_folder_without_a_preprocessor_says_what_is_missing(tmp_path: Path) -> None:
    found = reading(
        folder(tmp_path / "my-vit", {"model.onnx": classifier(classes=11), "config.json": json.dumps(CONFIG)})
    )

    assert found.input is None
    assert "preprocessor_config.json is not beside config.json" in found.notes[0]


def test_a_network_for_text_is_refused(tmp_path: Path) -> None:
    config = json.dumps({"architectures": ["BertForSequenceClassification"], "model_type": "bert"})

    with pytest.raises(SourceError, match="only image classifiers"):
        reading(folder(tmp_path / "bert", {"model.onnx": classifier(), "config.json": config}))


def test_somebody_elses_config_is_left_alone(tmp_path: Path) -> None:
    found = reading(folder(tmp_path / "net", {"model.onnx": classifier(), "config.json": '{"lr": 0.1}'}))

    assert found.kind == "ONNX file, exported from PyTorch"
