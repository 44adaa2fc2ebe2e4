"""Answers as tables that people take home from the Photo and the Batch page, as CSV or Parquet.

A column's type never depends on what happened to the photos: tables of many batches fit together.
"""

import io
from collections.abc import Sequence
from typing import Final

import pandas as pd

from sightserve.api.schema import Prediction
from sightserve.frontend.shared import kinds, words
from sightserve.spreadsheet import harmless

_BETWEEN: Final = "; "  # labels have commas in them
Row = dict[str, str | float | int | None]

_BEFORE: Final = {
    "file": "string",
    "status": "string",
    "label": "string",
    "probability": "Float64",
    "confidence": "string",
    "width_px": "Int64",
    "height_px": "Int64",
    "format": "string",
    "model": "string",
    "server_ms": "Float64",
}
_AFTER: Final = {"error": "string"}


def of_predictions(named: Sequence[tuple[str, Prediction]], threshold: float, labels: int) -> pd.DataFrame:
    """Return everything that is known about photos and their answers: one row for each, in the order given."""
    labels = min(labels, max((len(prediction.top_k) for _, prediction in named), default=0))
    return of_rows([row(name, prediction, None, threshold, labels) for name, prediction in named], labels)


def of_rows(rows: Sequence[Row], labels: int) -> pd.DataFrame:
    """Return rows as a table that has columns for so many labels, whatever is in the rows."""
    ranked = {
        name: type_
        for rank in range(1, labels + 1)
        for name, type_ in ((f"label_{rank}", "string"), (f"probability_{rank}", "Float64"))
    }
    types = {**_BEFORE, **ranked, **_AFTER}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV that a spreadsheet opens as text: UTF-8 with a mark, and no cell that it takes for a formula."""
    safe = frame.copy()
    for name in safe.select_dtypes(["string", "object"]):
        safe[name] = [harmless(value) for value in safe[name]]
    text: str = safe.to_csv(index=False)
    return text.encode("utf-8-sig")


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def answer(prediction: Prediction, threshold: float) -> str | None:
    """Return an answer as a cell: the most probable label; of labels that stand for themselves all that apply, or nothing."""
    if not kinds.is_independent(prediction):
        return prediction.prediction
    return _BETWEEN.join(kinds.given(prediction, threshold)) or None


def row(name: str, prediction: Prediction | None, problem: words.Message | None, threshold: float, labels: int) -> Row:
    """Return one photo's row: its answer with so many labels, or what went wrong."""
    cells: Row = {"file": name, "status": "ok" if prediction else "error"}
    if prediction is None:
        return cells | {"error": str(problem)}
    cells |= {
        "label": answer(prediction, threshold),
        "probability": prediction.probability,
        "confidence": kinds.confidence(prediction, threshold),
        "width_px": prediction.image.width,
        "height_px": prediction.image.height,
        "format": prediction.image.format,
        "model": f"{prediction.model.name} {prediction.model.version}",
        "server_ms": round(prediction.timing_ms.decode + prediction.timing_ms.inference, 2),
    }
    for rank, entry in enumerate(prediction.top_k[:labels], start=1):
        cells |= {f"label_{rank}": entry.label, f"probability_{rank}": entry.probability}
    return cells
