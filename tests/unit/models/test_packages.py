"""What reads somebody's network comes from their own environment: what to install is said, not a traceback."""

from pathlib import Path

import pytest

from sightserve.models.errors import MissingPackage
from sightserve.models.packages import package, torch
from sightserve.models.read import read
from sightserve.models.source import Options


@pytest.mark.parametrize("source", ["timm:resnet18", "torchvision:resnet18"])
def test_torch_is_named_where_it_is_missing(source: str, tmp_path: Path) -> None:
    with pytest.raises(MissingPackage, match="torch is not installed, which reads this: pip install torch"):
        read(source, Options(), tmp_path)


def test_a_folder_of_weights_needs_torch(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "vit", "architectures": ["ViTForImageClassification"]}')
    (tmp_path / "model.safetensors").write_bytes(b"weights")

    with pytest.raises(MissingPackage, match="pip install torch"):
        read(str(tmp_path), Options(), tmp_path)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_an_old_torch_is_refused_since_weights_could_run_code(installed: Path) -> None:
    (installed / "torch.py").write_text("__version__ = '2.5.1+cu121'")

    with pytest.raises(MissingPackage, match=r"PyTorch 2\.5\.1\+cu121 is installed.*pip install --upgrade torch"):
        torch()


def test_a_package_that_lacks_another_names_the_other(installed: Path) -> None:
    (installed / "half.py").write_text("import absent_part")

    with pytest.raises(MissingPackage, match="half is installed, but not absent_part, which it needs"):
        package("half", "half")


def test_a_package_that_does_not_import_says_why(installed: Path) -> None:
    (installed / "broken.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')")

    with pytest.raises(MissingPackage, match=r"broken is installed but does not import \(libcudart"):
        package("broken", "broken")
