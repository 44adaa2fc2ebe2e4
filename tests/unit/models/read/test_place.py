import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from tests.onnx_models import classifier, save

from sightserve.models.errors import SourceError
from sightserve.models.read import read
from sightserve.models.read.place import place_of
from sightserve.models.source import Options


def archive(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:/evil.txt"])
def test_nothing_is_unpacked_outside_the_workspace(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "net.zip", ("model.onnx", b"x"), (name, b"evil"))

    with pytest.raises(SourceError, match="would lie outside its folder"):
        place_of(str(path), tmp_path / "in" / "workspace")
    assert not [each for each in tmp_path.rglob("*") if "evil" in each.name]


def test_links_and_bombs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no plain file: 'model.onnx'"):
        place_of(str(archive(tmp_path / "link.zip", (link("model.onnx"), b"/etc/passwd"))), tmp_path / "one")
    with pytest.raises(SourceError, match="grows a thousandfold"):
        place_of(str(archive(tmp_path / "bomb.zip", ("model.onnx", b"\0" * (80 << 20)))), tmp_path / "two")
    many = [(f"{number}.txt", b"") for number in range(5001)]
    with pytest.raises(SourceError, match="5,001 files"):
        place_of(str(archive(tmp_path / "many.zip", *many)), tmp_path / "three")


def test_an_entry_that_lies_about_its_size_is_damage(tmp_path: Path) -> None:
    path = archive(tmp_path / "net.zip", ("model.onnx", os.urandom(5000)))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24  # the size, in the directory
    content[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(content)

    with pytest.raises(SourceError, match="is damaged"):
        place_of(str(path), tmp_path / "workspace")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_zip_is_an_error(tmp_path: Path, share: float) -> None:
    path = archive(tmp_path / "net.zip", ("model.onnx", os.urandom(5000)))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    with pytest.raises(SourceError, match="zip without an ONNX file, or a damaged one"):
        read(str(path), Options(), tmp_path / "workspace")


def test_a_zip_with_one_folder_in_it_is_that_folder(tmp_path: Path) -> None:
    content = save(classifier(), tmp_path / "net.onnx").read_bytes()
    path = archive(
        tmp_path / "Pets.zip",
        ("Pets/model.onnx", content),
        ("Pets/labels.txt", b"a\nb\nc"),
        ("__MACOSX/x", b""),
        ("Pets/run.py", b""),
    )

    found = read(str(path), Options(), tmp_path / "workspace")

    assert found.name == "pets"
    assert found.labels == (("a", "b", "c"), "labels.txt beside it")
    assert not list((tmp_path / "workspace").rglob("*.py"))
