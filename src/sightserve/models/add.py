"""`sightserve model add`: read, look, settle, wrap (all in `subject`), write, verify, quantise, check; then it is there."""

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from sightserve.bundle.manifest import Manifest
from sightserve.bundle.provenance import Accuracy, Candidate, Provenance
from sightserve.models import photos as album
from sightserve.models import settle, verify
from sightserve.models.check import CheckReport, check
from sightserve.models.looks import alternatives
from sightserve.models.quantise import quantise
from sightserve.models.served import Served
from sightserve.models.subject import Listener, Request, Subject, look_at_all
from sightserve.models.verify import Judged, Verification
from sightserve.models.write import staged, write

_FOR_CHECK: Final = 12  # photos
_CHECK_SECONDS: Final = 1.0
_UNKNOWN_LICENCE: Final = "NOASSERTION"  # as SPDX documents say it


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it.

    Attributes:
        directory: of the bundle.
        manifest: of the bundle.
        verification: on photos.
        judged: on labelled ones.
        checked: what it does in slots on this machine.
        answers: photos, and what the bundle says of each: label and probability.
    """

    directory: Path
    manifest: Manifest
    verification: Verification
    judged: Judged | None
    checked: CheckReport
    answers: tuple[tuple[str, str, float], ...]


def add(request: Request, models: Path, listener: Listener) -> Added:
    """Make a bundle of somebody's classifier, prove it, and put it among the added models.

    Args:
        request: what is wanted.
        models: the folder of added models.
        listener: told how it goes.

    Raises:
        AddError: it cannot be added, and why; nothing was left behind.
    """
    with tempfile.TemporaryDirectory(prefix="sightserve-") as folder:
        workspace = Path(folder)
        subject = look_at_all(request, workspace, listener)
        with staged(models / subject.name, replace=request.replace) as staging:
            return _proved(subject, staging, models / subject.name, workspace, listener)


def _proved(subject: Subject, staging: Path, final: Path, workspace: Path, listener: Listener) -> Added:
    """Write, verify, quantise and check, in a directory that nobody sees yet."""
    photos, labels, request = subject.photos, subject.labels, subject.request
    listener.step(f"Comparing it with its own pipeline on {len(photos)} photos")
    _write(subject, staging, subject.wrapped.path)
    served = Served(staging)
    original = subject.reading.original or settle.reference(subject.network, subject.preparation)
    expected = verify.originals(photos, original, subject.preparation.outputs.value)
    float32 = verify.verify(served, photos, expected, labels)
    if not request.force:
        verify.require(float32)
    images, known = subject.few()
    notes = [*subject.notes, *float32.warnings]
    notes += alternatives(subject.network, subject.preparation, images, known)
    candidates: tuple[Candidate, ...] = ()
    last, graph, agreement = float32, subject.wrapped.path, None
    if request.quantise and len(set(float32.rows.argmax(axis=1).tolist())) == 1 and len(photos) > 1:
        notes.append("int8 is not tried: these photos have one answer, so that agreeing on it proves nothing")
    elif request.quantise:
        listener.step("Trying int8")
        (tries := workspace / "int8").mkdir()
        pixels = [served.pixels(photo.path.read_bytes()) for photo in photos]
        wrapped = subject.wrapped
        tried = quantise(wrapped.path, pixels, tries, exclusive=wrapped.exclusive, tell=listener.step)
        candidates = tuple(each.candidate for each in tried.tried)
        notes += tried.notes
        if tried.kept != wrapped.path:
            graph, agreement = tried.kept, next(each.agreement for each in candidates if each.kept)
            _write(subject, staging, graph)
            last = verify.verify(Served(staging), photos, expected, labels)
    judged = verify.judge(last.rows, subject.classes, labels)
    before = verify.judge(float32.rows, subject.classes, labels)
    if judged is not None and judged.hint:
        notes.append(judged.hint)
    provenance = Provenance(
        facts=subject.facts,
        photos=float32.photos,
        same_first=float32.same_first,
        largest_difference=float32.largest_difference,
        candidates=candidates,
        notes=tuple(dict.fromkeys(notes)),
    )
    accuracy = _accuracy(judged, before, agreement)
    manifest = _write(subject, staging, graph, provenance=provenance, accuracy=accuracy)
    listener.step("Checking it in a slot, as the server runs it")
    checked = check(
        staging, [photo.path.read_bytes() for photo in album.some(photos, _FOR_CHECK)], seconds=_CHECK_SECONDS
    )
    for note in provenance.notes:
        listener.note(note)
    answers = tuple(
        (photo.name, labels[int(row.argmax())], float(row.max())) for photo, row in zip(photos, last.rows, strict=True)
    )
    return Added(final, manifest, float32, judged, checked, answers)


def _write(
    subject: Subject,
    directory: Path,
    graph: Path,
    provenance: Provenance | None = None,
    accuracy: Accuracy | None = None,
) -> Manifest:
    request, reading = subject.request, subject.reading
    meaning = "exclusive" if subject.wrapped.exclusive else "independent"
    return write(
        directory, graph, subject.labels, request.samples,
        name=subject.name,
        version=request.version,
        description=request.description or reading.description,
        input=subject.preparation.input.value.model_dump(mode="json") | {"decode": "exact"},
        max_batch=subject.wrapped.max_batch,
        output={"meaning": meaning},
        page=request.page.model_dump(mode="json"),
        source=f"{reading.kind} {PurePath(request.source).name}",
        license=request.license or reading.license or _UNKNOWN_LICENCE,
        accuracy=accuracy and accuracy.model_dump(mode="json"),
        provenance=provenance and provenance.model_dump(mode="json"),
    )  # fmt: skip


def _accuracy(judged: Judged | None, before: Judged | None, agreement: float | None) -> Accuracy | None:
    if judged is None or before is None:
        return None
    return Accuracy(
        data=f"{judged.photos} labelled photos that it was added with",
        photos=judged.photos,
        top1=judged.right,
        top5=judged.among_five,
        float32_top1=before.right if agreement is not None else None,
        float32_top5=before.among_five if agreement is not None else None,
        agreement_with_float32=agreement,
    )
