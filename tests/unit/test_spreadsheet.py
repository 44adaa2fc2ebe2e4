"""Tables for a spreadsheet program."""

import csv
import io

import pytest

from sightserve.spreadsheet import as_csv, harmless


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/c calc'!A0.jpg"])
def test_what_a_spreadsheet_would_run_becomes_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["cat.jpg", "", "a=b", -0.5, 3, None])
def test_other_cells_stay_as_they_are(cell):
    assert harmless(cell) == cell


def test_a_table_reads_back_as_it_was_but_for_formulas():
    text = as_csv(("name", "label", "probability"), [('a, "b".jpg', "=1+1", "0.5"), ("two\nlines.jpg", None, "0")])

    assert list(csv.reader(io.StringIO(text))) == [
        ["name", "label", "probability"],
        ['a, "b".jpg', "'=1+1", "0.5"],
        ["two\nlines.jpg", "", "0"],
    ]
