"""read -> [all that has to be known of what is added, up to a graph that takes photos as bytes] -> add."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image

from sightserve.bundle.manifest import EMBEDDED, Page, default_bundle_path, load_bundle
from sightserve.bundle.provenance import ReadFact
from sightserve.bundle.store import NAME
from sightserve.models import photos as album
from sightserve.models import settle, verify, words
from sightserve.models.errors import AddError, SourceError, UnclearSource
from sightserve.models.looks import Preparation
from sightserve.models.network import Network, look_at
from sightserve.models.photos import Photo
from sightserve.models.read import read
from sightserve.models.source import Fact, Options, Reading
from sightserve.models.wrap import How, Wrapped, wrap

_FOR_GUESSES: Final = 40  # photos
_SMALL: Final = 1024  # px: what a guess needs of a photo
_IMAGENET: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to be added.

    Attributes:
        source: see `read.read`.
        name: for the bundle; None: what the source suggests.
        photos: folder to prove it on; None: those that ship.
        samples: titles and photos for the page.
        options: stronger than what is read.
        version, description, license: for the manifest.
        page: for the web app.
        quantise: whether int8 is tried.
        force: add it although it does not do what its source does.
        replace: a model of the same name.
    """

    source: str
    name: str | None = None
    photos: Path | None = None
    samples: tuple[tuple[str, Path], ...] = ()
    options: Options = field(default_factory=Options)
    version: str = "1"
    description: str | None = None
    license: str | None = None
    page: Page = field(default_factory=Page)
    quantise: bool = True
    force: bool = False
    replace: bool = False


class Listener:
    """Who is told how it goes; does nothing by itself."""

    def step(self, words: str) -> None:
        """Begin something that may take a while."""

    def read(self, kind: str, facts: Sequence[ReadFact]) -> None:
        """Show what was read."""

    def note(self, words: str) -> None:
        """Say what a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is added, once all is known of it.

    Attributes:
        request, reading, network, preparation, wrapped: of the steps so far.
        name: of the bundle.
        labels: of its classes.
        photos: that prove it.
        classes: of each photo, where that is known.
        facts: for the table.
        notes: what a person should know.
    """

    request: Request
    reading: Reading
    name: str
    network: Network
    labels: tuple[str, ...]
    preparation: Preparation
    wrapped: Wrapped
    photos: tuple[Photo, ...]
    classes: tuple[int | None, ...]
    facts: tuple[ReadFact, ...]
    notes: tuple[str, ...]

    def few(self) -> tuple[list[Image.Image], list[int | None]]:
        """Return some of the photos, small, and their classes: for guesses."""
        chosen = album.some(list(zip(self.photos, self.classes, strict=True)), _FOR_GUESSES)
        return [photo.image(_SMALL) for photo, _ in chosen], [known for _, known in chosen]


def look_at_all(request: Request, workspace: Path, listener: Listener) -> Subject:
    """Read, look, settle and wrap: until there is a graph that takes photos as bytes."""
    listener.step(f"Reading {request.source}")
    (exported := workspace / "read").mkdir()
    reading = read(request.source, request.options, exported)
    name = _name(request.name, reading.name)
    photos, notes = _photos(request.photos)
    network = look_at(
        reading.graph,
        size=_size(reading),
        output=reading.output.value if reading.output else None,
        labels=len(reading.labels.value) if reading.labels else None,
    )
    labels, more = _labels(reading, network, photos)
    classes, strangers = verify.classes_of(photos, labels.value)
    listener.step("Looking how it wants photos")
    chosen = album.some(list(zip(photos, classes, strict=True)), _FOR_GUESSES)
    images = [photo.image(_SMALL) for photo, _ in chosen]
    preparation = settle.settle(reading, network, images, [known for _, known in chosen])
    facts = words.facts(network, labels, preparation)
    listener.read(reading.kind, facts)
    (made := workspace / "wrapped").mkdir()
    how = How(
        channels=preparation.channels.value,
        scale=preparation.scale.value,
        outputs=preparation.outputs.value,
        size=network.size,
    )
    wrapped = wrap(network, how, made / "model.onnx")
    return Subject(
        request=request,
        reading=reading,
        name=name,
        network=network,
        labels=labels.value,
        preparation=preparation,
        wrapped=wrapped,
        photos=tuple(photos),
        classes=tuple(classes),
        facts=facts,
        notes=(*reading.notes, *notes, *more, *strangers, *wrapped.notes),
    )


def _name(chosen: str | None, suggested: str) -> str:
    """Return the name of the bundle's folder.

    Raises:
        AddError: nobody can call a model so.
    """
    name = chosen or re.sub(r"[^a-z0-9._-]+", "-", suggested.lower()).strip("-._")[:63].rstrip("-._") or "model"
    if not NAME.fullmatch(name):
        raise AddError(
            f"{name!r} is no name for a model: lower-case letters, digits, dots and dashes, such as my-model"
        )
    if name in EMBEDDED:
        raise AddError(f"{name} is the name of an embedded model: choose another with --name")
    return name


def _photos(folder: Path | None) -> tuple[list[Photo], list[str]]:
    """Return the photos that prove a model, and what is to be said of them."""
    if folder is None:
        note = "it was tried on Sightserve's own samples only: --photos with a folder of yours proves more"
        return album.built_in(), [note]
    photos, notes = album.readable(album.find(folder))
    if not photos:
        raise SourceError(f"no photo in {folder} can be read: {'; '.join(notes[:3])}")
    return photos, notes


def _size(reading: Reading) -> tuple[int, int] | None:
    if reading.input is None or reading.input.value.fit == "whole":
        return None
    return reading.input.value.height, reading.input.value.width


def _labels(reading: Reading, network: Network, photos: Sequence[Photo]) -> tuple[Fact[tuple[str, ...]], list[str]]:
    """Return a label for each class, and what is to be said of them.

    Raises:
        UnclearSource: nobody says what the classes are called.
        SourceError: there are more labels, or fewer.
    """
    classes = max(2, network.columns)
    found, notes = reading.labels, list[str]()
    folders = sorted({photo.label for photo in photos if photo.label is not None})
    if found is None and len(folders) == classes:
        found = Fact(tuple(folders), "the folders of --photos, sorted as torchvision and Keras sort them")
        notes.append(
            "the order of its labels is taken from the folders of --photos: look whether its answers are right"
        )
    if found is None and classes == _IMAGENET:
        found = Fact(
            load_bundle(default_bundle_path()).labels, "ImageNet's, since there are 1,000 classes and nothing says more"
        )
        notes.append("1,000 classes and no labels: ImageNet's are assumed, in their usual order")
    if found is None:
        raise UnclearSource(
            f"nothing says what its {classes} classes are called: give --labels a file with {classes} lines, one label a line, "
            "in the network's order"
        )
    if len(found.value) != classes:
        raise SourceError(
            f"{len(found.value)} labels ({found.source}), but the network has {classes} classes: --labels with one a line, "
            "in the network's order"
        )
    return found, notes
