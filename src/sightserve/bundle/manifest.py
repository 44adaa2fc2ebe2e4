"""Before the data path: directory -> [manifest, verified model bytes, labels].

A bundle is a directory with three files: `manifest.json`, an ONNX graph and a text file with one label per line; a graph
that is larger than 2 GB, or likes to, keeps its weights in further files beside it (ONNX's external data). The graph takes
uint8 photos (N, height, width, 3) in RGB and gives float32 probabilities (N, classes).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sightserve.bundle.errors import BundleNotFoundError, LabelsInvalidError, ManifestInvalidError
from sightserve.bundle.verify import MANIFEST, read, read_verified

Fraction = Annotated[float, Field(ge=0, le=1)]
Content = bytes | mmap
Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


class _Strict(BaseModel):
    # a misspelt key must not pass for a missing one
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRef(_Strict):
    """A file of the bundle, and the contents that it must have."""

    # a plain name: a manifest must not reach out of its own directory
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$", max_length=255)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class InputSpec(_Strict):
    """How a photo becomes the model's input: centre crop, then resize."""

    height: Annotated[int, Field(ge=1, le=4096, description="px")]
    width: Annotated[int, Field(ge=1, le=4096, description="px")]
    crop: Annotated[float, Field(gt=0, le=1, description="part of the largest centred box of the input's shape")]
    interpolation: Interpolation


class Accuracy(_Strict):
    """What the model got right when somebody measured it; fractions from 0 to 1, whatever is unknown left out."""

    data: str
    photos: Annotated[int, Field(ge=1)]
    top1: Fraction | None = None
    top5: Fraction | None = None
    float32_top1: Fraction | None = None
    float32_top5: Fraction | None = None
    agreement_with_float32: Fraction | None = None


class Manifest(_Strict):
    """The contents of `manifest.json`."""

    format: Literal[1]
    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    description: str
    model: FileRef
    external_data: tuple[FileRef, ...] = ()
    labels: FileRef
    classes: Annotated[int, Field(ge=2)]
    input: InputSpec
    source: str
    license: Annotated[str, Field(min_length=1, description="SPDX expression")]
    accuracy: Accuracy | None = None


@dataclass(frozen=True)
class Bundle:
    """A verified model, in memory.

    Attributes:
        model_bytes: the ONNX graph. These very bytes were verified, so the session loads them rather than the file,
            which somebody may have replaced since.
        external_data: the files that the graph keeps its weights in, by the names under which it knows them.
        labels: class names in the model's order, as many as classes.
    """

    manifest: Manifest
    directory: Path
    model_bytes: Content
    labels: tuple[str, ...]
    external_data: Mapping[str, Content] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the model, its external data included."""
        return len(self.model_bytes) + sum(map(len, self.external_data.values()))


def default_bundle_path() -> Path:
    """Return the directory of the embedded model."""
    return Path(__file__).parent / "default"


def load_bundle(directory: Path) -> Bundle:
    """Read a bundle and verify all of it.

    Raises:
        BundleNotFoundError: the directory or one of its files is not there or cannot be read.
        ManifestInvalidError: the manifest is not JSON, or not a manifest.
        BundleCorruptError: a file's sha256 is not what the manifest says.
        LabelsInvalidError: not one distinct, non-empty label per class.
    """
    if not directory.is_dir():
        raise BundleNotFoundError(f"{directory} is not a directory: name one that holds {MANIFEST}")
    manifest = _parse(directory / MANIFEST)
    model_bytes = read_verified(directory / manifest.model.file, manifest.model.sha256)
    external = {ref.file: read_verified(directory / ref.file, ref.sha256) for ref in manifest.external_data}
    label_bytes = read_verified(directory / manifest.labels.file, manifest.labels.sha256)
    labels = _labels(directory / manifest.labels.file, label_bytes, manifest.classes)
    return Bundle(manifest, directory, model_bytes, labels, external)


def _parse(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(read(path))
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        others = f" (and {exc.error_count() - 1} more)" if exc.error_count() > 1 else ""
        raise ManifestInvalidError(f"{path} is not a manifest: {where}: {first['msg']}{others}") from exc


def _labels(path: Path, content: bytes, classes: int) -> tuple[str, ...]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise LabelsInvalidError(f"{path} is not UTF-8 text: {exc.reason} at byte {exc.start}") from exc
    # only line feeds separate labels: splitlines would also split at characters that a label may hold
    labels = tuple(line.strip() for line in text.removesuffix("\n").split("\n"))
    if len(labels) != classes:
        raise LabelsInvalidError(f"{path} has {len(labels)} labels, the model has {classes} classes: write one a line")
    if "" in labels:
        raise LabelsInvalidError(f"{path} has an empty label in line {labels.index('') + 1}: name every class")
    label, count = Counter(labels).most_common(1)[0]
    if count > 1:
        raise LabelsInvalidError(f"{path} has the label {label!r} {count} times: give each class a name of its own")
    return labels
