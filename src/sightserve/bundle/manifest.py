"""Before the data path: directory -> [manifest, verified model bytes, labels].

A bundle is a directory with three files: `manifest.json`, an ONNX graph and a text file with one label per line; a graph
that is larger than 2 GB, or likes to, keeps its weights in further files beside it (ONNX's external data), and what makes heat
maps of its features is a graph of its own. The graph takes uint8 photos (N, height, width, 3) in RGB and gives float32
probabilities (N, classes).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from sightserve.bundle.errors import BundleNotFoundError, LabelsInvalidError, ManifestInvalidError
from sightserve.bundle.inputs import InputSpec, Strict
from sightserve.bundle.kinds import Kind, read_kinds
from sightserve.bundle.provenance import Accuracy, Fraction, Provenance
from sightserve.bundle.verify import MANIFEST, read, read_verified

Content = bytes | mmap


class FileRef(Strict):
    """A file of the bundle, and the contents that it must have."""

    # a plain name: a manifest must not reach out of its own directory
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$", max_length=255)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Output(Strict):
    """What the numbers mean that the graph gives.

    Attributes:
        meaning: `exclusive`: one class is right, probabilities sum to 1 (softmax); `independent`: each class has a probability
            of its own, and several may be right, or none (sigmoid).
        name: of the output; may be left out where only one has the right shape.
    """

    meaning: Literal["exclusive", "independent"] = "exclusive"
    name: Annotated[str, Field(min_length=1)] | None = None


class HeatMapSpec(Strict):
    """What a class activation map is made of: for networks that end in a global average and one linear layer.

    Attributes:
        output: of the graph: its last feature map, (N, rows, columns, channels).
        classifier: a graph that takes this and gives each cell's share of each logit, float32 (N, rows, columns, classes):
            their sum over the cells is the logit.
    """

    output: Annotated[str, Field(min_length=1)]
    classifier: FileRef


class Calibration(Strict):
    """How probabilities are brought to what is right as often as they say.

    Attributes:
        temperature: that logits are divided by (Guo et al., "On calibration of modern neural networks", 2017).
        data: what it was fitted on.
        error_before: expected calibration error without it, 0 to 1.
        error_after: with it.
        least_standout: of softmax: a photo whose first class stands out less from all others is probably of none of them
            (`backend.slot.ranking.standout`).
        least_probability: of softmax: a photo whose first class is less probable, with the temperature, is of none of them.
    """

    temperature: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    data: str = ""
    error_before: Fraction | None = None
    error_after: Fraction | None = None
    least_standout: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    least_probability: Fraction | None = None


class Sample(Strict):
    """A photo to try the model on.

    Attributes:
        title: a word or two.
        alt: what is to be seen, for those who cannot.
    """

    title: Annotated[str, Field(min_length=1, max_length=60)]
    photo: FileRef
    alt: str = ""


class Page(Strict):
    """What the web app says to people.

    Attributes:
        title: of the product.
        question: that a photo answers.
        about: a sentence about what the model can tell.
        samples: photos to try.
    """

    title: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    question: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    about: Annotated[str, Field(max_length=500)] = ""
    samples: Annotated[tuple[Sample, ...], Field(max_length=12)] = ()


class Manifest(Strict):
    """The contents of `manifest.json`, in format 2; one in format 1 is read as the same in format 2."""

    format: Literal[2]
    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    description: str
    model: FileRef
    external_data: tuple[FileRef, ...] = ()
    labels: FileRef
    kinds: FileRef | None = None
    classes: Annotated[int, Field(ge=2)]
    input: InputSpec
    max_batch: (
        Annotated[int, Field(ge=1, description="photos that the graph takes at once; absent: any number")] | None
    ) = None
    output: Output = Output()
    heat_map: HeatMapSpec | None = None
    calibration: Calibration | None = None
    page: Page = Page()
    source: str
    license: Annotated[str, Field(min_length=1, description="SPDX expression")]
    accuracy: Accuracy | None = None
    provenance: Provenance | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_format_1(cls, content: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        """Format 1 knew one way: a fraction of the largest centred box, and probabilities that exclude each other."""
        if not isinstance(content, dict) or content.get("format") != 1:
            return content
        newer = sorted(
            content.keys() & {"output", "heat_map", "calibration", "kinds", "page", "max_batch", "provenance"}
        )
        if newer:
            raise ValueError(f'{", ".join(newer)}: a manifest of format 1 has no such key; write "format": 2')
        old = content.get("input")
        if isinstance(old, dict):
            given = {key: value for key, value in old.items() if key != "crop"}
            old = given | {"fit": "crop", "fraction": old.get("crop")} if "fit" not in old else old
        return content | {"format": 2, "input": old}

    @model_validator(mode="after")
    def _stands_out_of_all(self) -> "Manifest":
        if self.output.meaning == "independent" and self.calibration:
            for key in ("least_standout", "least_probability"):
                if getattr(self.calibration, key) is not None:
                    raise ValueError(f"calibration.{key} is for exclusive outputs: independent ones do not compete")
        return self

    @property
    def temperature(self) -> float:
        """That logits are divided by; 1 where nobody calibrated."""
        return self.calibration.temperature if self.calibration else 1.0


@dataclass(frozen=True)
class Bundle:
    """A verified model, in memory.

    Attributes:
        model_bytes: the ONNX graph. These very bytes were verified, so the session loads them rather than the file,
            which somebody may have replaced since.
        external_data: the files that the graph keeps its weights in, by the names under which it knows them.
        class_map: the graph that makes class activation maps, where there is one.
        samples: the photos of the manifest's page, in its order.
        kinds: what several labels are kinds of, where the bundle says it.
        labels: class names in the model's order, as many as classes.
    """

    manifest: Manifest
    directory: Path
    model_bytes: Content
    labels: tuple[str, ...]
    external_data: Mapping[str, Content] = field(default_factory=dict)
    class_map: Content = b""
    samples: tuple[Content, ...] = ()
    kinds: tuple[Kind, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the model, its external data included."""
        return len(self.model_bytes) + sum(map(len, self.external_data.values()))


EMBEDDED: Final = {"accurate": "default", "fast": "fast"}


def default_bundle_path() -> Path:
    """Return the directory of the embedded model."""
    return embedded_bundle_path("accurate")


def embedded_bundle_path(name: str) -> Path:
    """Return the directory of an embedded model, by a key of `EMBEDDED`."""
    return Path(__file__).parent / EMBEDDED[name]


def load_bundle(directory: Path) -> Bundle:
    """Read a bundle and verify all of it.

    Raises:
        BundleNotFoundError: the directory or one of its files is not there or cannot be read.
        ManifestInvalidError: the manifest is not JSON, or not a manifest.
        BundleCorruptError: a file's sha256 is not what the manifest says.
        LabelsInvalidError: not one distinct, non-empty label per class.
        KindsInvalidError: the kinds are not what they must be.
    """
    if not directory.is_dir():
        raise BundleNotFoundError(f"{directory} is not a directory: name one that holds {MANIFEST}")
    manifest = load_manifest(directory)
    model_bytes = read_verified(directory / manifest.model.file, manifest.model.sha256)
    external = {ref.file: read_verified(directory / ref.file, ref.sha256) for ref in manifest.external_data}
    label_bytes = read_verified(directory / manifest.labels.file, manifest.labels.sha256)
    labels = _labels(directory / manifest.labels.file, label_bytes, manifest.classes)
    refs = [] if manifest.heat_map is None else [manifest.heat_map.classifier]
    (class_map,) = [read_verified(directory / ref.file, ref.sha256) for ref in refs] or [b""]
    samples = tuple(read_verified(directory / each.photo.file, each.photo.sha256) for each in manifest.page.samples)
    kinds: tuple[Kind, ...] = ()
    if (ref := manifest.kinds) is not None:
        path = directory / ref.file
        kinds = read_kinds(path, read_verified(path, ref.sha256), manifest.classes)
    return Bundle(manifest, directory, model_bytes, labels, external, class_map, samples, kinds)


def load_manifest(directory: Path) -> Manifest:
    """Read what a bundle says of itself, and none of its other files.

    Raises:
        BundleNotFoundError: there is no manifest, or it cannot be read.
        ManifestInvalidError: it is not JSON, or not a manifest.
    """
    path = directory / MANIFEST
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
