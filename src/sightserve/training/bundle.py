"""graft -> [an ordinary bundle, with what is known of it beside] -> the folder of models."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sightserve.bundle.manifest import Bundle, Manifest
from sightserve.bundle.manifest import Page as PageOf
from sightserve.bundle.provenance import FORM, Accuracy, Provenance, ReadFact, form_of
from sightserve.models.write import write as write_files
from sightserve.training.errors import TrainError
from sightserve.training.evaluate import FOLDS
from sightserve.training.facts import Report
from sightserve.training.graft import graft
from sightserve.training.learn import Learned

REPORT: Final = "report.json"
_NOTICE: Final = "NOTICE"
_LONGEST_QUESTION: Final = 120  # characters that a manifest takes
_LONGEST_TITLE: Final = 80
_LISTED: Final = 6  # labels


def write(
    directory: Path,
    base: Bundle,
    learned: Learned,
    report: Report,
    *,
    page: PageOf | None = None,
    description: str | None = None,
    samples: Sequence[tuple[str, Path]] = (),
) -> Manifest:
    """Write a bundle's files into a directory, its report beside them.

    Args:
        directory: an existing one, such as `models.write.staged` gives.
        base: whose network the features are of.
        learned: the head.
        report: what is told of it.
        page: what the web app says; what is left out is made of the name.
        description: of the model; None: made of its labels.
        samples: titles and photos for the page.

    Raises:
        TrainError: a label cannot be one of a bundle, or the network cannot be grafted on.
    """
    _check(report.labels)
    manifest = base.manifest
    with tempfile.TemporaryDirectory(prefix="sightserve-") as folder:
        grafted = graft(base, learned.weights, learned.bias, Path(folder))
        facts = {
            "name": report.name,
            "version": report.version,
            "description": description or _described(report, manifest),
            "input": manifest.input.model_dump(mode="json"),
            "max_batch": manifest.max_batch,
            "output": {"meaning": "exclusive", "name": manifest.output.name},
            "calibration": _calibration(report),
            "page": _page(page or PageOf(), report).model_dump(mode="json", exclude_none=True),
            "source": f"sightserve train, on the features of {manifest.name} {manifest.version} ({manifest.source})",
            "license": manifest.license,
            "accuracy": _accuracy(report).model_dump(mode="json"),
            "provenance": _provenance(report, manifest).model_dump(mode="json"),
        }
        cells = manifest.heat_map and grafted.class_map and (manifest.heat_map.output, grafted.class_map)
        written = write_files(directory, grafted.graph, report.labels, samples, class_map=cells or None, **facts)
    if (notice := base.directory / _NOTICE).is_file():  # what the base's licence asks for goes with its weights
        shutil.copyfile(notice, directory / _NOTICE)
    (directory / REPORT).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return written


def _check(labels: Sequence[str]) -> None:
    for label in labels:
        if not label.strip() or label != label.strip() or not label.isprintable():
            raise TrainError(
                f"the label {label!r} cannot be one: a label is a line of text without control characters, and without spaces "
                "at its ends. Give its folder another name"
            )


def _described(report: Report, base: Manifest) -> str:
    few = ", ".join(report.labels[:_LISTED]) + (", ..." if len(report.labels) > _LISTED else "")
    return f"{len(report.labels)} classes ({few}), learned from {report.photos:,} photos by the features of {base.name}"


def _page(page: PageOf, report: Report) -> PageOf:
    words = report.name.replace("-", " ").replace("_", " ").replace(".", " ").strip() or report.name
    few = ", ".join(report.labels[:_LISTED]) + (" and more" if len(report.labels) > _LISTED else "")
    about = f"It tells {len(report.labels)} things apart: {few}. {_held_out(report)}."
    made = {
        "title": page.title or words[:_LONGEST_TITLE].capitalize(),
        "question": page.question or f"Which {words} is it?"[:_LONGEST_QUESTION],
        "about": page.about or (about if len(about) <= 500 else f"{_held_out(report)}."),  # noqa: PLR2004 - the manifest's
    }
    return page.model_copy(update=made)


def _held_out(report: Report) -> str:
    found = report.accuracy
    return (
        f"Of {report.photos:,} photos that it had not seen, {found.value:.0%} were told right "
        f"({found.low:.0%} to {found.high:.0%} with 95% confidence)"
    )


def _accuracy(report: Report) -> Accuracy:
    data = (
        f"its own, of {report.scenes:,} scenes, each held out once, with all that look like it, from {FOLDS} trainings on "
        f"the others; with 95% confidence between {report.accuracy.low:.1%} and {report.accuracy.high:.1%}. What serves has "
        "learned from all of them"
    )
    return Accuracy(data=data, photos=report.photos, top1=round(report.accuracy.value, 4))


def _calibration(report: Report) -> dict[str, object]:
    return {
        "temperature": report.temperature,
        "data": f"answers to {report.photos:,} photos held out; the error after it is of folds that it was not fitted on",
        "error_before": round(report.calibration_before, 4),
        "error_after": round(report.calibration_after, 4),
        "least_probability": report.least_probability,
    }


def _provenance(report: Report, base: Manifest) -> Provenance:
    views = ", ".join(report.views) or "none"
    form = form_of(base.accuracy, base.provenance)
    facts = (
        ReadFact(what="base", value=report.base, source="--base"),
        *([ReadFact(what=FORM, value=form, source="the base; the last layer is float32")] if form else []),
        ReadFact(what="labels", value=f"{len(report.labels)}", source="the photos' folders or table"),
        ReadFact(what="last layer", value="multinomial logistic regression, L2", source="cross-validation"),
        ReadFact(what="augmented views", value=views, source="whether they helped on photos held out"),
    )
    return Provenance(facts=facts, notes=report.notes)
