"""What somebody named -> [the folder in which its files lie]: a folder, an .onnx file in one, or a zip of one."""

import re
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from sightserve.models.errors import SourceError, UnclearSource
from sightserve.models.read.magic import ZIP_ERRORS
from sightserve.models.read.values import shown

_MOST_ENTRIES: Final = 5000
_MOST_BYTES: Final = 8 << 30  # unpacked: the largest classifiers have a few gigabytes
_MOST_RATIO: Final = 1000  # weights hardly shrink; a text of zeros a thousandfold is an attack, or useless
_RATIO_MATTERS: Final = 64 << 20
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_WANTED: Final = frozenset(
    {
        ".onnx",
        ".data",
        ".bin",
        ".weights",
        ".txt",
        ".json",
        ".csv",
        ".yml",
        ".yaml",
        ".manifest",
        ".pbtxt",
        ".names",
        "",
    }
)
# Names that everybody's file has: the folder above says more.
_COMMON: Final = frozenset(
    {
        "model",
        "best",
        "last",
        "inference",
        "network",
        "net",
        "weights",
        "onnx",
        "export",
        "saved_model",
        "classifier",
        "unpacked",
    }
)


class Place(NamedTuple):
    """Where a source's files lie.

    Attributes:
        folder: that holds them.
        graph: the file that was named, where one was.
        name: for the bundle.
    """

    folder: Path
    graph: Path | None
    name: str


def place_of(source: str, workspace: Path) -> Place | None:
    """Return where a source's files lie; None where it is neither a folder, nor an .onnx file, nor a zip that has one.

    Raises:
        SourceError: the zip is damaged or hostile.
    """
    path = Path(source)
    if path.is_dir():
        return Place(path, None, bundle_name(path))
    if not path.is_file():
        return None
    if path.suffix.lower() == ".onnx":
        return Place(path.parent, path, bundle_name(path))
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        return Place(_unpacked(path, workspace / "unpacked"), None, bundle_name(path))
    return None


def bundle_name(path: Path) -> str:
    """Return a name for the bundle: the file's, or the folder's where everybody's file is called so."""
    path = path.resolve()
    stem = path.name if path.is_dir() else path.stem
    for candidate in (stem, *(parent.name for parent in list(path.parents)[:3])):
        # a version of Triton's, a run of a trainer's: "1", "train3", "exp2"
        if candidate.lower() in _COMMON or re.fullmatch(r"\d+|(train|exp|run)\d*", candidate.lower()):
            continue
        if name := _slug(candidate):
            return name
    return _slug(stem) or "model"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:63]


def only_graph(place: Place) -> Path | None:
    """Return the .onnx file of a place: the one that was named, the one that is called model.onnx, or the only one.

    Raises:
        UnclearSource: there are several.
    """
    if place.graph:
        return place.graph
    found = sorted(path for path in place.folder.glob("*.onnx") if path.is_file())
    found = found or sorted(path for path in place.folder.glob("onnx/*.onnx") if path.is_file())
    if len(found) <= 1:
        return found[0] if found else None
    for name in ("model.onnx", "inference.onnx"):
        if chosen := next((path for path in found if path.name == name), None):
            return chosen
    names = ", ".join(path.name for path in found[:6])
    raise UnclearSource(f"{place.folder} has {len(found)} ONNX files ({names}): name the one that you mean")


def _unpacked(path: Path, to: Path) -> Path:
    """Return the folder of a zip's files, none of them outside `to`, nothing larger than it says."""
    if not to.is_dir():
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(path, archive, to)
        except ZIP_ERRORS as exc:
            shutil.rmtree(to, ignore_errors=True)
            raise SourceError(f"{path} is damaged ({shown(str(exc))}): download or make it again") from exc
        except SourceError:
            shutil.rmtree(to, ignore_errors=True)
            raise
    inside = [each for each in to.iterdir() if each.name != "__MACOSX"]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else to


def _unpack(path: Path, archive: zipfile.ZipFile, to: Path) -> None:
    entries = [entry for entry in archive.infolist() if entry.filename and not entry.is_dir()]
    if len(entries) > _MOST_ENTRIES:
        raise SourceError(f"{path} has {len(entries):,} files: it is no exported model")
    chosen = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() in _WANTED]
    total = sum(entry.file_size for entry in chosen)
    if total > _MOST_BYTES:
        raise SourceError(f"{path} would unpack to {total / 1e9:.0f} GB: unpack it yourself and add the folder")
    to.mkdir(parents=True)
    for entry in chosen:
        parts = PurePosixPath(entry.filename).parts
        if not parts or entry.filename.startswith("/") or ".." in parts or "\\" in entry.filename or ":" in parts[0]:
            raise SourceError(f"{path} has a file that would lie outside its folder: {shown(entry.filename)}")
        if entry.flag_bits & 0x1:
            raise SourceError(f"{path} is encrypted: unpack it and add the folder")
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.compress_type not in _METHODS:
            raise SourceError(f"{path} has something that is no plain file: {shown(entry.filename)}")
        if entry.file_size > _RATIO_MATTERS and entry.file_size > _MOST_RATIO * max(1, entry.compress_size):
            raise SourceError(f"{path}: {shown(entry.filename)} grows a thousandfold when unpacked: it is no model")
        target = to.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        # zipfile itself gives no more than the entry says, and checks the sum
        with archive.open(entry) as inside, target.open("xb") as outside:
            shutil.copyfileobj(inside, outside, 1 << 20)
