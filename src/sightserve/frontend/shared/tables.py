"""Answers as tables that people take home from the Photo and the Batch page, as CSV or Parquet: see `api.rows`."""

import io
from collections.abc import Sequence
from typing import Final

import pandas as pd

from sightserve.api.rows import BETWEEN, Row, answered, columns
from sightserve.api.schema import Prediction
from sightserve.frontend.shared import kinds
from sightserve.spreadsheet import harmless

_TYPES: Final = {str: "string", float: "Float64", int: "Int64", bool: "boolean"}
_OURS: Final[dict[str, type]] = {"confidence": str, "server_ms": float}  # what the web app alone says


def of_predictions(named: Sequence[tuple[str, Prediction]], threshold: float, labels: int) -> pd.DataFrame:
    """Return everything that is known about photos and their answers: one row for each, in the order given."""
    labels = min(labels, max((len(prediction.top_k) for _, prediction in named), default=0))
    return of_rows([row(name, prediction, threshold, labels) for name, prediction in named], labels)


def of_rows(rows: Sequence[Row], labels: int) -> pd.DataFrame:
    """Return rows as a table that has columns for so many labels, whatever is in the rows."""
    types = {name: _TYPES[kind] for name, kind in (columns(labels) | _OURS).items()}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV that a spreadsheet opens as text: UTF-8 with a mark, and no cell that it takes for a formula."""
    safe = frame.copy()
    for name in safe.select_dtypes(["string", "object"]):
        safe[name] = [harmless(value) for value in safe[name]]
    for name in safe.select_dtypes("boolean"):
        safe[name] = safe[name].map({True: "true", False: "false"})  # as `sightserve batch` writes it
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
    return BETWEEN.join(kinds.given(prediction, threshold)) or None


def row(name: str, prediction: Prediction, threshold: float, labels: int) -> Row:
    """Return the row of a photo that has an answer, with so many labels."""
    told = prediction.model_dump(exclude={"probabilities", "heat_map"})
    return answered(name, told, labels, applies=threshold) | {
        "confidence": kinds.confidence(prediction, threshold),
        "server_ms": round(prediction.timing_ms.decode + prediction.timing_ms.inference, 2),
    }
