import csv
import io

import pyarrow as pa
import pytest
from pyarrow import parquet

from sightserve.api import rows as table
from sightserve.batch import shards

ANSWER = {
    "prediction": "tabby, tabby cat",
    "probability": 0.71234567,
    "recognised": True,
    "top_k": [
        {"index": 281, "label": "tabby, tabby cat", "probability": 0.71234567},
        {"index": 285, "label": "Egyptian cat", "probability": 0.1},
    ],
    "model": {"name": "net", "version": "1", "outputs": "exclusive"},
    "image": {"width": 500, "height": 375, "format": "JPEG"},
}
ROWS = [
    table.answered("2024/a.jpg", ANSWER, 2),
    table.failed('=cmd|"/c calc"!A1.jpg', "unreadable_image", "the file ends too early"),
]


def test_a_parquet_has_the_columns_of_the_schema_whatever_happened_to_its_photos():
    for rows in (ROWS, ROWS[:1], ROWS[1:], []):
        read = parquet.read_table(io.BytesIO(shards.encode(rows, 2, "parquet", {"model": "net 1"})))

        assert read.column_names == list(table.columns(2))
        assert read.schema.field("width").type == pa.int64()
        assert read.schema.field("recognised").type == pa.bool_()
        assert read.schema.metadata[b"model"] == b"net 1"
        assert read.num_rows == len(rows)


def test_the_same_rows_are_the_same_bytes():
    assert shards.encode(ROWS, 2, "parquet", {"a": "b"}) == shards.encode(list(ROWS), 2, "parquet", {"a": "b"})


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_rows_that_are_read_and_written_again_are_the_same_file(form):
    data = shards.encode(ROWS, 2, form, {})

    assert shards.encode(shards.decode(data, form), 2, form, {}) == data


def test_a_csv_has_no_cell_that_a_spreadsheet_would_run():
    told = list(csv.DictReader(io.StringIO(shards.encode(ROWS, 2, "csv", {}).decode())))

    assert [row["path"] for row in told] == ["2024/a.jpg", '\'=cmd|"/c calc"!A1.jpg']
    assert told[0]["label"] == "tabby, tabby cat"
    assert told[0]["probability"] == "0.712346"
    assert told[0]["recognised"] == "true"
    assert told[1]["recognised"] == ""


@pytest.mark.parametrize(
    ("name", "number"),
    [("part-00042.parquet", 42), ("part-123456.parquet", 123456), ("part-42.parquet", None), ("part-00042.csv", None),
     ("part-.parquet", None), ("part-00042.parquet.tmp", None), ("readme", None), ("part-٠٠٠٤٢.parquet", None)],
)  # fmt: skip
def test_what_is_a_shard_by_its_name(name, number):
    assert shards.number_of(name, "parquet") == number
