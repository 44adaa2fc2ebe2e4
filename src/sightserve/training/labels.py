"""Labels as people write them -> [those that mean the same are one; those that no model can hold are refused] -> dataset."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from sightserve.training.errors import TrainError

_LONGEST: Final = 200  # characters
_CONTROLS: Final = frozenset(
    ("Cc", "Cs", "Zl", "Zp")
)  # line breaks and the like; half a character of a name that is no text


def fault_of(label: str) -> str | None:
    """Return why no model can have a class of this name, in words that follow it; None: it can."""
    written = label.strip()
    if not written:
        return "is empty: name what the photos show"
    if len(written) > _LONGEST:
        return f"has {len(written)} characters, and {_LONGEST} are the most: shorten it"
    if any(unicodedata.category(each) in _CONTROLS for each in written):
        return "has a line break or another character that is no text in it: rename it"
    return None


def quoted(label: str) -> str:
    """Return a label, whatever is in it, as a message can have it."""
    text = repr(label)
    return text if len(text) <= 60 else f"{text[:56]}...'"  # noqa: PLR2004 - a line of a terminal


def joined(counts: Mapping[str, int], notes: list[str]) -> dict[str, str]:
    """Return for each label that people wrote the one that it becomes: the most frequent of those that mean the same.

    Args:
        counts: how many photos have it.
        notes: gets a sentence for each that is joined.

    Raises:
        TrainError: no model can have one of them.
    """
    for label in sorted(counts):
        if fault := fault_of(label):
            raise TrainError(f"the label {quoted(label)} {fault}")
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, count in counts.items():
        spellings[_meaning(label)][_written(label)] += count
    becomes = {meaning: min(several, key=lambda each: (-several[each], each)) for meaning, several in spellings.items()}
    for meaning, several in sorted(spellings.items()):
        if len(several) > 1:
            others = ", ".join(sorted(set(several) - {becomes[meaning]}))
            notes.append(f"{others} and {becomes[meaning]} are taken for one class, {becomes[meaning]}")
    return {label: becomes[_meaning(label)] for label in counts}


def match(label: str, known: Iterable[str]) -> str:
    """Return that of the known labels which means the same, else the label itself, as it is to be written."""
    return next((each for each in known if _meaning(each) == _meaning(label)), _written(label))


def _written(label: str) -> str:
    return unicodedata.normalize("NFC", label).strip()


def _meaning(label: str) -> str:
    return unicodedata.normalize("NFC", " ".join(_written(label).split()).casefold())
