"""A CSV file with the columns path and label, as spreadsheets and scripts write it -> examples."""

import codecs
import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sightserve.training.dataset import Example, some
from sightserve.training.errors import TrainError
from sightserve.training.files import shown
from sightserve.training.labels import fault_of, quoted

_PATHS: Final = ("path", "file", "image", "filename", "file_name", "filepath", "image_path", "photo")
_LABELS: Final = ("label", "class", "class_name", "category")
_MOST: Final = 500 * 2**20  # bytes of the table


def in_table(table: Path, notes: list[str]) -> list[Example]:
    """Return the photos that a table names: relative to its folder, or with their whole paths.

    Args:
        table: the file.
        notes: gets sentences about what was passed over.

    Raises:
        TrainError: it is no such table.
        OSError: it cannot be read.
    """
    labels: dict[str, str] = {}
    several: list[str] = []
    try:
        for line, path, label in _rows(table):
            if fault := fault_of(label):
                raise TrainError(f"{table}, line {line}: the label {quoted(label)} {fault}")
            if path in labels and labels[path] != label:
                several.append(path)
            labels[path] = label
    except csv.Error as exc:
        raise TrainError(f"{table} is no CSV file: {exc}") from exc
    if not labels:
        raise TrainError(f"{table} names no photo: it has a line of headings, and none below it")
    folder = os.path.realpath(table.parent)
    made: list[Example] = []
    missing: list[Example] = []
    for name, label in labels.items():
        # a name with NUL is no file's, and makes every call fail
        path = "" if "\0" in name else name if name.startswith("/") else f"{folder}/{name}"
        (made if path and os.path.isfile(path) else missing).append(Example(Path(path), label, shown(name)))  # noqa: PTH113
    if missing:
        names = [each.name for each in missing]
        words = f"{some(names)} {'is' if len(names) == 1 else 'are'} not there"
        if not made:
            afar = "://" in names[0]
            raise TrainError(
                f"{table}: {words}: "
                + ("photos have to be on this machine" if afar else f"paths are relative to {folder}, or begin with /")
            )
        notes.append(f"{words}: passed over")
    if several:
        notes.append(f"{some(sorted(set(several)))} has more than one label in {table.name}: the last one counts")
    return made


def _rows(table: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, path and label."""
    text = _text(table)
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    heading = [each.strip().lower() for each in next(rows, [])]
    path, label = (
        next((heading.index(each) for each in known if each in heading), None) for known in (_PATHS, _LABELS)
    )
    if path is None or label is None:
        found = ", ".join(map(quoted, heading[:8])) or "nothing"
        raise TrainError(
            f"{table} needs a first line with the columns path and label (or file, image, filename; class): it has {found}"
        )
    for row in rows:
        if not any(each.strip() for each in row):
            continue
        if len(row) <= max(path, label):
            raise TrainError(
                f"{table}, line {rows.line_num}: it has {len(row)} columns, and the first line {len(heading)}"
            )
        name = row[path].strip()
        if not name:
            raise TrainError(f"{table}, line {rows.line_num}: it names no photo")
        yield rows.line_num, name.replace("\\", "/") if "/" not in name else name, row[label]


def _text(table: Path) -> str:
    if table.stat().st_size > _MOST:
        raise TrainError(f"{table} has more than {_MOST:,} bytes: it is no list of photos")
    data = table.read_bytes()
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        raise TrainError(f"{table}, line {line}: it is no UTF-8 text: save it as CSV UTF-8") from exc
