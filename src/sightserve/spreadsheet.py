"""Tables that people open in a spreadsheet program: CSV in which no cell is a formula. Pure, standard library alone."""

import csv
import io
from collections.abc import Iterable
from typing import Final

# A spreadsheet takes a cell that starts like this for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: object) -> object:
    """Return what stands in a cell, such that no spreadsheet runs it: text that starts like a formula gets an apostrophe.

    File names and labels come from strangers: a file's from who uploads it, a label's from who made the model.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_csv(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as CSV with every cell harmless; None is an empty cell, lines end in a line feed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([harmless(cell) for cell in row] for row in (head, *rows))
    return buffer.getvalue()
