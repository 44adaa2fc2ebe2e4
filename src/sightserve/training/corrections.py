"""A dataset, and photos of which people said what they show -> [the last word on each] -> a dataset with both."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sightserve.feedback.records import Corrected
from sightserve.training.dataset import LEAST, Dataset, Example, made_of, note_of_few
from sightserve.training.files import Unreadable, digest_of, read
from sightserve.training.labels import fault_of, match, quoted

_MOST_BYTES: Final = 2**30
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FOLDER: Final = "corrections"


def digests_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the sha256 of each photo's file, in the dataset's order; empty where it cannot be read."""
    return tuple(map(_digest, dataset.examples))


def _digest(example: Example) -> str:
    try:
        return digest_of(read(example.path, _MOST_BYTES))
    except Unreadable:
        return ""


def with_corrections(
    dataset: Dataset, corrected: Iterable[Corrected], digests: Sequence[str], folder: Path
) -> tuple[Dataset, int]:
    """Return the dataset with the photos that people corrected, and how many of them are in it.

    A photo that is in the dataset gets the label that people gave it; a label that is none of the dataset's becomes a class
    where it has enough photos.

    Args:
        dataset: as it was read.
        corrected: in any order.
        digests: the sha256 of each of the dataset's files, as `digests_of` has them.
        folder: an existing one, that the photos are written into.

    Raises:
        TrainError: after it, a class has too few photos.
    """
    last: dict[str, Corrected] = {}
    for each in sorted(corrected, key=lambda one: one.at):
        last[each.image_sha256] = each
    counts = Counter(example.label for example in dataset.examples)
    notes = [note for note in dataset.notes if note != note_of_few(counts)]  # it may be true no longer
    said = _labels(last, dataset, notes)
    examples = list(dataset.examples)
    here: dict[str, list[int]] = {}
    for place, digest in enumerate(digests):
        here.setdefault(digest, []).append(place)
    for digest, label in said.items():  # what the classes have when all is done
        counts.subtract([examples[place].label for place in here.get(digest, ())])
        counts[label] += len(here.get(digest, ())) or 1
    new = sorted({label for label in said.values() if label not in dataset.labels})
    if poor := [label for label in new if counts[label] < LEAST]:
        words = ", ".join(poor)
        notes.append(f"people say {words} of one photo only: it is no class until there are {LEAST}")
    taken = 0
    for digest, label in said.items():
        if label in poor:
            continue
        taken += 1
        for place in here.get(digest, ()):
            examples[place] = replace(examples[place], label=label)
        if digest not in here:
            examples.append(_written(last[digest], label, folder))
    return made_of(examples, notes), taken


def _labels(last: dict[str, Corrected], dataset: Dataset, notes: list[str]) -> dict[str, str]:
    """Return what people say of each photo, in the words of the dataset where they mean one of them, or of each other."""
    said: dict[str, str] = {}
    known = list(dataset.labels)
    for digest, each in last.items():
        if fault := fault_of(each.label):
            notes.append(f"a correction is left out: the label {quoted(each.label)} {fault}")
            continue
        said[digest] = match(each.label, known)
        if said[digest] not in known:
            known.append(said[digest])
    return said


def _written(corrected: Corrected, label: str, folder: Path) -> Example:
    # what a database holds makes no file's name
    digest = corrected.image_sha256
    name = digest if _DIGEST.fullmatch(digest) else digest_of(digest.encode(errors="replace"))
    path = folder / f"{name}.jpg"
    path.write_bytes(corrected.photo)
    return Example(path, label, f"{_FOLDER}/{name[:16]}.jpg")
