"""`sightserve train`: read, extract, group, learn, graft, report; then a bundle is there, whole or not at all."""

import errno
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from sightserve.backend.errors import BackendError
from sightserve.bundle.beside import REPORT_PAGE
from sightserve.bundle.errors import BundleError
from sightserve.bundle.manifest import EMBEDDED, Bundle, Manifest, Page, load_bundle
from sightserve.bundle.store import NAME, locate
from sightserve.feedback.errors import FeedbackError
from sightserve.models.errors import AddError
from sightserve.models.write import staged
from sightserve.training import duplicates
from sightserve.training.bundle import write as write_bundle
from sightserve.training.corrections import digests_of, with_corrections
from sightserve.training.dataset import Dataset, read
from sightserve.training.errors import TrainError
from sightserve.training.facts import Report, Twins, Unread
from sightserve.training.feature_cache import default_folder
from sightserve.training.features import VIEWS, Features, extract
from sightserve.training.graft import own_weights
from sightserve.training.learn import learn
from sightserve.training.listener import Listener
from sightserve.training.report.write import write as write_page

_MOST_TWINS: Final = 100  # groups, of which a report tells
_MOST_OF_TWINS: Final = 12  # photos
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to be learned.

    Attributes:
        source: a folder with a folder for each label, or a CSV.
        name: for the bundle.
        base: whose features it learns from: the name or the directory of a model.
        none_of_these: whether it may say that a photo shows none of the labels.
        feedback: address of a database with people's corrections, which are learned from too.
        views: whether photos are looked at otherwise too, where that helps.
        cache: whether features are kept for the next time.
        title, question, about: what the web app says to people; None: made of the name.
        version: for the manifest.
        replace: a model of the same name.
    """

    source: Path
    name: str
    base: str = "accurate"
    none_of_these: bool = False
    feedback: str | None = None
    views: bool = True
    cache: bool = True
    title: str | None = None
    question: str | None = None
    about: str = ""
    version: str = "1"
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """What became of it.

    Attributes:
        name: of the model.
        directory: of the bundle.
        manifest: of the bundle.
        report: what was measured.
    """

    name: str
    directory: Path
    manifest: Manifest
    report: Report

    @property
    def page(self) -> Path:
        """The report for people, with pictures."""
        return self.directory / REPORT_PAGE


def train(request: Request, models: Path, listener: Listener) -> Trained:
    """Make a classifier of photos, measure it, and put it among the added models.

    Args:
        request: what is wanted.
        models: the folder of added models.
        listener: told how it goes.

    Raises:
        TrainError: nothing came of it, and why; nothing was left behind.
    """
    began = time.monotonic()
    with _in_words(models):
        page = _page(request)
        base = load_bundle(locate(request.base, models))
        known = own_weights(base)  # a network that nothing can be learned on is refused here
        # first of all: what stands in the way there is said before minutes of work
        with (
            staged(models / request.name, replace=request.replace) as staging,
            tempfile.TemporaryDirectory(prefix="sightserve-train-") as workspace,
        ):
            photos, corrections = _photos(request, Path(workspace), listener)
            manifest, report = _learned(request, page, base, known, photos, corrections, staging, listener, began)
        return Trained(request.name, models / request.name, manifest, report)


def _page(request: Request) -> Page:
    """Return what the web app says, with the name checked.

    Raises:
        TrainError: it cannot be so.
    """
    if request.name in EMBEDDED:
        raise TrainError(f"{request.name} is a model that comes with Sightserve: choose another name")
    if not NAME.fullmatch(request.name):
        raise TrainError(
            f"{request.name!r} cannot be a name: it begins with a lower-case letter or a digit, has only those and - . _, and "
            "63 characters at most"
        )
    if not request.version.strip():
        raise TrainError("the version is empty: name one, such as 1")
    try:
        return Page(title=request.title, question=request.question, about=request.about)
    except ValidationError as exc:
        raise TrainError("; ".join(f"{error['loc'][0]}: {error['msg']}" for error in exc.errors())) from exc


def _photos(request: Request, workspace: Path, listener: Listener) -> tuple[Dataset, int]:
    """Return what there is to learn from, and how many corrections are among it."""
    listener.step(f"Reading {request.source}")
    found = read(request.source)
    corrections = 0
    if request.feedback is not None:
        from sightserve.feedback.corrected import corrected  # noqa: PLC0415 - needs an extra of its own

        listener.step("Reading corrections")
        found, corrections = with_corrections(found, corrected(request.feedback), digests_of(found), workspace)
        if not corrections:
            listener.note("There is no correction with a photo to learn from.")
    for note in found.notes:
        listener.note(note)
    return found, corrections


def _learned(
    request: Request,
    page: Page,
    base: Bundle,
    known: NDArray[np.float32] | None,
    photos: Dataset,
    corrections: int,
    staging: Path,
    listener: Listener,
    began: float,
) -> tuple[Manifest, Report]:
    """Learn, and write a bundle into a directory that nobody sees yet."""
    features = extract(
        photos,
        base.directory,
        listener,
        views=VIEWS if request.views else (),
        cache=default_folder() if request.cache else None,
    )
    groups = duplicates.groups(features)
    learned = learn(
        features, groups, photos.labels, none_of_these=request.none_of_these, listener=listener, known=known
    )
    for note in learned.notes:
        listener.note(note)
    report = learned.report(
        name=request.name,
        version=request.version,
        base=request.base,
        seconds=round(time.monotonic() - began, 1),
        twins=_twins(features, groups),
        left_out=tuple(Unread(name=each.name, why=each.why) for each in features.left_out),
        notes=photos.notes,
        corrections=corrections,
    )
    listener.step("Writing the model")
    manifest = write_bundle(staging, base, learned, report, page=page)
    listener.step("Drawing the report")
    write_page(staging, report, {example.name: example.path for example in photos.examples})
    return manifest, report


def _twins(features: Features, groups: NDArray[np.int64]) -> tuple[Twins, ...]:
    """Return the photos that look the same and have different labels; of a large group some, of all its labels."""
    found = []
    for places in duplicates.twins(features, groups)[:_MOST_TWINS]:
        rank: Counter[str] = Counter()
        ordered = []
        for place in places:
            example = features.examples[place]
            ordered.append((rank[example.label], example.label, example.name))
            rank[example.label] += 1
        some = sorted(ordered)[:_MOST_OF_TWINS]  # one of each label, then the second ones
        found.append(Twins(names=tuple(name for *_, name in some), labels=tuple(label for _, label, _ in some)))
    return tuple(found)


@contextmanager
def _in_words(models: Path) -> Iterator[None]:
    """Say whatever goes wrong as one error."""
    try:
        yield
    except (AddError, BundleError, FeedbackError, BackendError) as exc:
        raise TrainError(str(exc)) from exc
    except BrokenPipeError:  # who listened has gone
        raise
    except OSError as exc:
        where = str(exc.filename2 or exc.filename or models)
        if where.startswith(str(models)):  # what is written there has a name that nobody knows
            where = str(models)
        if exc.errno in _FULL:
            raise TrainError(f"there is no room left on the disk of {where}: make some, and train again") from exc
        if where == str(models):
            raise TrainError(
                f"no model can be written to {where}: {exc.strerror or exc}; SIGHTSERVE_MODELS_DIR names another folder"
            ) from exc
        raise TrainError(f"{where}: {exc.strerror or exc}") from exc
