"""PHOTOS -> [which photos there are, and what each shows] -> features."""

from dataclasses import dataclass
from pathlib import Path


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
