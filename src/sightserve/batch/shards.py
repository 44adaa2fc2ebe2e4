"""Rows <-> one file of them: Parquet, or CSV. The same rows are the same bytes, whoever writes them."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import pyarrow as pa
from pyarrow import parquet

from sightserve.api.rows import Row, columns
from sightserve.spreadsheet import as_csv

Format = Literal["parquet", "csv"]
_TYPES: Final = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


def name_of(number: int, form: Format) -> str:
    """Return a shard's name in OUT."""
    return f"part-{number:05d}.{form}"


def number_of(name: str, form: Format) -> int | None:
    """Return the number of the shard that has this name; None: it is no shard's."""
    digits = name.removeprefix("part-").removesuffix(f".{form}")
    return int(digits) if digits.isascii() and digits.isdecimal() and name == name_of(int(digits), form) else None


def encode(rows: Sequence[Row], labels: int, form: Format, about: Mapping[str, str]) -> bytes:
    """Return the file of some rows.

    Args:
        rows: see `api.rows`.
        labels: for how many ranked labels there are columns.
        form: of the file.
        about: kept in a Parquet's metadata.
    """
    kinds = columns(labels)
    if form == "csv":
        cells = ([_text(row.get(name)) for name in kinds] for row in rows)
        return as_csv(kinds, cells).encode("utf-8")
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in kinds.items()], metadata=dict(about))
    arrays = [pa.array([row.get(name) for row in rows], _TYPES[kind]) for name, kind in kinds.items()]
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def decode(data: bytes, form: Format, only: Sequence[str] | None = None) -> list[Row]:
    """Return the rows of a file, of a CSV as text; None stands for empty cells.

    Args:
        data: the file.
        form: of it.
        only: the columns that are wanted; None: all.
    """
    if form == "csv":
        table = csv.DictReader(io.StringIO(data.decode("utf-8")))
        return [{name: cell or None for name, cell in row.items() if only is None or name in only} for row in table]
    # Without threads, which a shard has no use for: one that is still about when Python ends takes the process with it.
    file = parquet.ParquetFile(io.BytesIO(data), pre_buffer=False)
    rows: list[Row] = file.read(columns=None if only is None else list(only), use_threads=False).to_pylist()
    return rows


def _text(cell: object) -> object:
    return str(cell).lower() if isinstance(cell, bool) else cell
