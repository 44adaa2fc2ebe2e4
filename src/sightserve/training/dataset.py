"""PHOTOS -> [which photos there are, and what each shows] -> features."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sightserve.training.errors import TrainError
from sightserve.training.labels import joined

LEAST: Final = 2  # classes, and photos of each
_FEW: Final = 10  # photos of a class
_TABLES: Final = frozenset((".csv", ".tsv", ".txt"))
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One photo.

    Attributes:
        path: of the file.
        label: what it shows.
        name: as people are told of it: relative to what they named, with `/`.
    """

    path: Path
    label: str
    name: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What there is to learn from.

    Attributes:
        examples: ordered by label, then by name.
        labels: distinct, sorted; a class's index is its place here.
        notes: what a person should know: labels that differ by case were joined, an empty folder was passed over, ...
    """

    examples: tuple[Example, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read(source: Path) -> Dataset:
    """Return the photos of a folder with a folder for each class, or of a table with the columns path and label.

    Raises:
        TrainError: it is neither, or there is too little in it.
    """
    from sightserve.training.folder import in_folder  # noqa: PLC0415 - they are made of what is here
    from sightserve.training.table import in_table  # noqa: PLC0415

    notes: list[str] = []
    try:
        if source.is_dir():
            examples = in_folder(source, notes)
        elif source.is_file() and source.suffix.lower() in _TABLES:
            examples = in_table(source, notes)
        else:
            raise TrainError(_neither(source))
    except (OSError, ValueError) as exc:
        raise TrainError(f"{source} cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc
    return made_of(examples, notes)


def _neither(source: Path) -> str:
    how = "name a folder that has a folder of photos for each class, or a CSV file with the columns path and label"
    if not source.exists():
        return f"{source} is not there: {how}"
    if source.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")):
        return f"{source} is an archive: unpack it, and name the folder"
    return f"{source} is no folder: {how}"


def made_of(examples: Sequence[Example], notes: Sequence[str]) -> Dataset:
    """Return the dataset of these photos, labels that mean the same joined.

    Raises:
        TrainError: there are too few of a class, or too few classes.
    """
    told = list(notes)
    becomes = joined(Counter(example.label for example in examples), told)
    counts = Counter(becomes[example.label] for example in examples)
    if len(counts) < LEAST:
        found = f"only of one class, {next(iter(counts))}" if counts else "of no class"
        raise TrainError(
            f"there are photos {found}: to tell things apart takes photos of two at least, each in a folder of its own. "
            "For one thing and all others, make a folder of photos that do not show it"
        )
    if poor := sorted(label for label, count in counts.items() if count < LEAST):
        raise TrainError(
            f"there is one photo only of {some(poor)}: {LEAST} are the least that can be learned from, and 20 begin to be "
            "enough. Add photos, or take the class away"
        )
    if note := note_of_few(counts):
        told.append(note)
    made = sorted(
        (Example(each.path, becomes[each.label], each.name) for each in examples),
        key=lambda each: (each.label, each.name),
    )
    return Dataset(tuple(made), tuple(sorted(counts)), tuple(told))


def note_of_few(counts: Mapping[str, int]) -> str:
    """Return a sentence about the labels that have few photos; empty where none has."""
    few = sorted(label for label, count in counts.items() if count < _FEW)
    if not few:
        return ""
    return f"there are fewer than {_FEW} photos of {some(few)}: more would help most, and what is said of so few is a guess"


def some(words: Sequence[str]) -> str:
    """Return the first few of many, and how many more there are."""
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
