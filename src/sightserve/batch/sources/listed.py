"""A listing's file -> [line by line, row by row, batch by batch: never as a whole] -> names as bytes, in its order."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from sightserve.batch.errors import BatchError, Unreadable
from sightserve.batch.files import open_any, raise_if_away
from sightserve.batch.photo import is_url, order
from sightserve.imaging.formats import is_photo_name
from sightserve.installing import more

if TYPE_CHECKING:
    import pyarrow

_COLUMNS: Final = ("path", "file", "filename", "image", "url", "file_name", "filepath", "file_path", "image_path")
_LONGEST: Final = 65_536  # characters of a line: the longest paths and URLs have a few thousand
_SNIFF: Final = 65_536  # bytes
_ROWS: Final = 8_192  # of a Parquet file at once
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as PowerShell's > writes


def listed(address: str) -> Iterator[bytes]:
    """Yield the names in a listing, the empty ones left out.

    Raises:
        BatchError: it cannot be read, or is no such listing.
        StorageAway: where it is cannot be reached.
    """
    try:
        with open_any(address) as file:
            suffix = address.lower().rpartition(".")[2]
            if suffix == "parquet":
                names = _of_parquet(file, address)
            elif suffix in {"csv", "tsv"}:
                names = _of_csv(file, address, "\t" if suffix == "tsv" else ",")
            else:
                names = _of_text(file, address)
            for name in names:
                if name.strip():
                    yield name
    except Unreadable as exc:
        raise BatchError(f"{address}: {exc}") from exc
    except OSError as exc:
        raise_if_away(exc, address)
        raise BatchError(f"{address} cannot be read: {exc.strerror or exc}") from exc


def _text(file: BinaryIO, head: bytes, newline: str) -> io.TextIOWrapper:
    encoding = "utf-16" if head.startswith(_UTF16) else "utf-8-sig"
    # names are bytes: what is no UTF-8 comes out as it was
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(file, encoding, errors, newline=newline)


def _of_text(file: BinaryIO, address: str) -> Iterator[bytes]:
    head = file.read(_SNIFF)
    file.seek(0)
    if b"\0" in head and not head.startswith(_UTF16):
        yield from _between_nuls(file, address)
        return
    with _text(file, head, "\n") as text:
        number = 0
        while line := text.readline(_LONGEST + 1):
            number += 1
            if len(line) > _LONGEST:
                raise _too_long(address, number)
            yield order(line.removesuffix("\n").removesuffix("\r"))


def _between_nuls(file: BinaryIO, address: str) -> Iterator[bytes]:
    """Yield names as `find -print0` writes them: with anything in them, line breaks too."""
    rest, number = b"", 0
    while chunk := file.read(_SNIFF):
        *names, rest = (rest + chunk).split(b"\0")
        for name in names:
            number += 1
            yield name
        if len(rest) > _LONGEST:
            raise _too_long(address, number + 1)
    yield rest


def _too_long(address: str, number: int) -> BatchError:
    return BatchError(
        f"{address}: line {number:,} has more than {_LONGEST:,} characters. A listing has a path or URL on each line"
    )


def _of_csv(file: BinaryIO, address: str, delimiter: str) -> Iterator[bytes]:
    head = file.read(_SNIFF)
    file.seek(0)
    with _text(file, head, "") as text:
        first_line = text.readline(_LONGEST)
        text.seek(0)
        if delimiter == "," and ";" in first_line and "," not in first_line:
            delimiter = ";"  # as spreadsheets write it where the comma is in numbers
        rows = csv.reader(text, delimiter=delimiter)
        try:
            header = next(rows, [])
            if len(header) == 1 and _is_entry(header[0]):
                yield order(header[0])  # no header, and a photo already
                column = 0
            else:
                column = _column([name.strip() for name in header], address)
            for row in rows:
                if len(row) > column:
                    yield order(row[column])
        except csv.Error as exc:
            raise BatchError(f"{address}: line {rows.line_num:,} is no CSV ({exc})") from exc


def _is_entry(cell: str) -> bool:
    return is_url(cell) or "/" in cell or is_photo_name(cell)


def _column(names: list[str], address: str) -> int:
    """Return which column the photos are in: one that is called so, or the only one."""
    lower = [name.lower() for name in names]
    for wanted in _COLUMNS:
        if wanted in lower:
            return lower.index(wanted)
    if len(names) == 1:
        return 0
    found = ", ".join(repr(name) for name in names[:20]) or "none"
    raise BatchError(
        f"{address} has no column of photos: call one of them 'path' (or {', '.join(_COLUMNS[1:5])}). Columns: {found}"
    )


def _of_parquet(file: BinaryIO, address: str) -> Iterator[bytes]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - only those who have Parquet need it
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as exc:
        raise BatchError(f"{address} needs pyarrow; {more('batch')}") from exc
    try:
        # neither the columns nor what the file says about them is read ahead
        table = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        names = table.schema_arrow.names
        column = names[_column(names, address)]
        kind = table.schema_arrow.field(column).type
        if not _is_text(kind):
            raise BatchError(f"{address}: the column {column!r} has {kind} in it, not paths")
        for batch in table.iter_batches(batch_size=_ROWS, columns=[column], use_threads=False):
            for name in batch.column(0).to_pylist():
                if name is not None:
                    yield name if isinstance(name, bytes) else order(name)
    except pa.ArrowException as exc:
        raise BatchError(f"{address} cannot be read as Parquet: {exc}") from exc


def _is_text(kind: "pyarrow.DataType") -> bool:
    import pyarrow as pa  # noqa: PLC0415 - see above

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_text(kind) for is_text in texts)
