"""Labels, wherever somebody wrote them down -> [one a class, in the network's order, each different].

Known are: a name a line; the same with numbers before the names (Teachable Machine: "0 Cat") or ImageNet's synset numbers; a
CSV of index and name; a JSON list; a JSON object of index and name, either way round (Keras' class_indices.json).
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sightserve.models.errors import SourceError
from sightserve.models.read.values import read_json, read_text, shown

_MOST: Final = 100_000
_LONGEST: Final = 300  # characters
# "0 Cat", "0: Cat", "0. Cat", "0,Cat", "0<tab>Cat"; numbers alone are names ("0", "90", "180")
_NUMBERED: Final = re.compile(r"(\d{1,6})(?:\s*[:;,]\s*|\.\s+|\)\s*|\s+)(\S.*)")
_SYNSET: Final = re.compile(r"n\d{8}[\s,:]+(\S.*)")
# Characters that turn the direction of the text after them: a page or a terminal would show another label.
_TURNING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Under these a JSON file keeps the labels among other things.
_KEYS: Final = ("labels", "classes", "class_names", "names", "label_names", "categories", "id2label", "label2id")
_HEADS: Final = frozenset({"name", "label", "class", "class_name", "category", "label_name", "display_name"})
_SOME: Final = 4
_NUMBERS: Final = re.compile(r"(\d+)")


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the labels of a file.

    Raises:
        SourceError: it cannot be read, or nothing in it is a list of labels.
    """
    if path.suffix.lower() == ".json":
        return of_value(read_json(path), str(path))
    text = read_text(path)
    if text.lstrip()[:1] in {"{", "["} and (found := _json_in(path)) is not None:
        return of_value(found, str(path))
    return of_text(text, str(path), commas=path.suffix.lower() == ".csv")


def _json_in(path: Path) -> Any | None:
    try:
        return read_json(path)
    except SourceError:
        return None  # a label may begin with a bracket


def of_value(value: object, where: str) -> tuple[str, ...]:
    """Return the labels that a JSON value or a Python literal holds; errors as in `read_labels`."""
    if isinstance(value, dict):
        for key in _KEYS:
            if isinstance(value.get(key), dict | list) and value[key]:
                return indexed(value[key], f"{key} in {where}")
    return indexed(value, where)


def indexed(value: object, where: str) -> tuple[str, ...]:
    """Return labels in the order of their indices.

    Args:
        value: a list of names; index -> name, the index a number or its digits; or name -> index.
        where: it stands, for messages.

    Raises:
        SourceError: it is none of these, or an index is missing or there twice.
    """
    if isinstance(value, list | tuple):
        return _checked([_name(each, where) for each in value], where)
    if not isinstance(value, Mapping) or not value:
        raise SourceError(
            f"{where} holds no labels, but {shown(value)}: it must be a list of names, or names and indices"
        )
    by_index = {_index(key): _name(each, where) for key, each in value.items()}
    if None in by_index or len(by_index) != len(value):
        backwards = {_index(each): _name(key, where) for key, each in value.items()}
        if None in backwards or len(backwards) != len(value):
            raise SourceError(f"{where} gives not every label an index of its own")
        by_index = backwards
    numbers = sorted(index for index in by_index if index is not None)
    first = numbers[0]
    if first not in {0, 1} or numbers != list(range(first, first + len(numbers))):
        missing = next(iter(set(range(numbers[-1])) - set(numbers)), first) if numbers[-1] <= _MOST else numbers[-1]
        raise SourceError(
            f"{where} has {len(numbers)} labels with indices from {first} to {numbers[-1]}, so {missing} has none: "
            f"number them 0 to {len(numbers) - 1}"
        )
    return _checked([by_index[index] for index in numbers], where)


def _index(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 7:  # noqa: PLR2004
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _name(value: object, where: str) -> str:
    """Return a class's name; of ["n01440764", "tench"] and {"id": 0, "name": "tench"} the words."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("name", "label", "title", "display_name") if key in value), value)
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SourceError(f"{where} has {shown(value)} where a label must be")
    return str(value)


def of_text(text: str, where: str, *, commas: bool = False) -> tuple[str, ...]:
    """Return the labels of a text: one a line, numbers before them taken away where every line has its own.

    Args:
        text: of the file.
        where: it stands, for messages.
        commas: it is a CSV.

    Raises:
        SourceError: as in `read_labels`.
    """
    if re.match(r"\s*<(!doctype|html|\?xml)", text, re.IGNORECASE):
        raise SourceError(f"{where} is a web page, not a list of labels: download the file itself")
    if text.startswith("version https://git-lfs"):
        raise SourceError(f"{where} is a pointer of Git LFS, not the file: run git lfs pull")
    if commas:
        return _of_rows([row for row in csv.reader(text.splitlines()) if any(row)], where)
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").rstrip().split("\n")]
    if "" in lines and any(lines):
        raise SourceError(f"{where} has nothing in line {lines.index('') + 1}: name every class, one a line")
    return _checked(_unnumbered(lines), where)


def _unnumbered(lines: list[str]) -> list[str]:
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if all(numbered):
        pairs = [(int(match[1]), match[2]) for match in numbered if match]
        first = min(index for index, _ in pairs)
        if first in {0, 1} and sorted(index for index, _ in pairs) == list(range(first, first + len(pairs))):
            return [name for _, name in sorted(pairs)]
    if all(synsets := [_SYNSET.fullmatch(line) for line in lines]):
        return [match[1] for match in synsets if match]
    return lines


def _of_rows(rows: list[list[str]], where: str) -> tuple[str, ...]:
    cells = [[cell.strip() for cell in row] for row in rows]
    if not cells or len({len(row) for row in cells}) != 1:
        raise SourceError(f"{where} has not the same number of columns in every line: write index,name in each")
    if any(cell.lower() in _HEADS for cell in cells[0]):
        head, *cells = cells
        names = next(at for at, cell in enumerate(head) if cell.lower() in _HEADS)
    else:
        names = next((at for at, cell in enumerate(cells[0]) if not cell.isdigit()), 0)
    numbers = (
        next((at for at in range(len(cells[0])) if all(row[at].isdigit() for row in cells)), None) if cells else None
    )
    if numbers is None or numbers == names:
        return _checked([row[names] for row in cells], where)
    if len({row[numbers] for row in cells}) != len(cells):
        raise SourceError(f"{where} gives two labels the same index")
    return indexed({row[numbers]: row[names] for row in cells}, where)


def _checked(names: Sequence[str], where: str) -> tuple[str, ...]:
    if not any(names):
        raise SourceError(f"{where} is empty: it must have a label for each class")
    if len(names) > _MOST:
        raise SourceError(f"{where} has {len(names):,} labels, and {_MOST:,} is the most")
    labels = tuple(_clean(name) for name in names)
    for at, label in enumerate(labels):
        if not label or len(label) > _LONGEST:
            fault = f"has more than {_LONGEST} characters" if label else "has no visible character"
            raise SourceError(f"{where}: label {at} {fault}: {shown(names[at])}")
    return labels


def _clean(name: str) -> str:
    """Return a label of one line that steers no terminal and turns no page's text around."""
    kept = "".join(" " if each in "\t\n\r\v\f" else each for each in unicodedata.normalize("NFC", name))
    categories = {"Cc", "Cs", "Co", "Zl", "Zp"}
    kept = "".join(each for each in kept if unicodedata.category(each) not in categories and each not in _TURNING)
    return " ".join(kept.split())


def distinct(labels: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return labels of which no two are equal, and what a person should know of it: ImageNet has two cranes.

    The words after a comma tell equal ones apart elsewhere; here nothing else is known, so the later ones get a number.
    """
    counts = Counter(labels)
    repeated = [label for label, count in counts.items() if count > 1]
    if not repeated:
        return tuple(labels), ()
    taken, made = set(counts), []
    seen: Counter[str] = Counter()
    for label in labels:
        seen[label] += 1
        number, name = seen[label], label
        while number > 1 and (name := f"{label} ({number})") in taken:
            number += 1
        seen[label] = max(seen[label], number)
        taken.add(name)
        made.append(name)
    names = "1 label is" if len(repeated) == 1 else f"{len(repeated):,} labels are"
    example = repeated[0]
    return tuple(made), (f'{names} there more than once: the second "{example}" is called "{example} (2)" now',)


def naturally(label: str) -> list[tuple[int, int, str]]:
    """Return the key by which 2 sorts before 10."""
    parts = [part for part in _NUMBERS.split(label) if part]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def order_note(labels: Sequence[str]) -> str | None:
    """Return what is odd in the order of labels that look like folders' names, or None.

    torchvision and Keras number folders as text sorts (1, 10, 2), timm and people as numbers do (1, 2, 10).
    """
    as_text, as_numbers = sorted(labels), sorted(labels, key=naturally)
    if as_text == as_numbers:
        return None
    if list(labels) == as_text:
        order, other = "as text sorts", as_numbers
    elif list(labels) == as_numbers:
        order, other = "as numbers sort", as_text
    else:
        return None
    at = next(index for index, (one, two) in enumerate(zip(labels, other, strict=True)) if one != two)
    return (
        f"the labels are in the order in which {order} ({', '.join(labels[:_SOME])}), and might be meant in the other "
        f"({', '.join(other[:_SOME])}): torchvision and Keras number folders as text, timm as numbers. Class {at} is "
        f"{labels[at]} here; labelled photos (--photos) show whether it is"
    )


def count_fault(labels: Sequence[str], classes: int, source: str) -> str | None:
    """Return what is wrong with the number of labels, and what that often is; None where it is right."""
    if len(labels) == classes:
        return None
    hint = "write one for each class, in the network's order"
    if len(labels) == classes - 1:
        hint = "one class has no name: often the first is the background, or the last one is missing"
    elif len(labels) == classes + 1:
        hint = "often the first line is a heading, or a class that this network was not trained with"
    return f"the network has {classes:,} classes and {source} {len(labels):,} labels: {hint}"
