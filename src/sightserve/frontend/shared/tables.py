"""Answers as tables: what the pages show, and what people take home as CSV or Parquet."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pandas as pd

from sightserve.api.schema import Prediction
from sightserve.frontend.batch.job import Outcome
from sightserve.frontend.shared import words

# A spreadsheet takes a cell that starts like this for a formula, and file names are strangers'.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def shown(outcomes: Sequence[Outcome], threshold: float) -> pd.DataFrame:
    """Return what the Batch page's table shows: one row for each photo that has an answer."""
    rows = [
        {
            "photo": data_url(outcome.thumbnail) if outcome.thumbnail else None,
            "file": outcome.name,
            "label": prediction.prediction,
            "probability": 100 * prediction.probability,  # per cent
            "sure": words.confidence(prediction.probability, threshold),
            "runner-up": prediction.top_k[1].label if len(prediction.top_k) > 1 else "",
        }
        for outcome in outcomes
        if (prediction := outcome.prediction) is not None
    ]
    return pd.DataFrame(rows, columns=["photo", "file", "label", "probability", "sure", "runner-up"])


def errors(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return one row for each photo that has none."""
    rows = [
        {"file": outcome.name, "what happened": outcome.problem.what, "what to do": outcome.problem.do}
        for outcome in outcomes
        if outcome.problem is not None
    ]
    return pd.DataFrame(rows, columns=["file", "what happened", "what to do"])


def complete(outcomes: Sequence[Outcome], threshold: float) -> pd.DataFrame:
    """Return everything that is known, errors included, for a file: one row for each photo, in the order given."""
    return pd.DataFrame([_flat(outcome.name, outcome.prediction, outcome.problem, threshold) for outcome in outcomes])


def of_predictions(named: Sequence[tuple[str, Prediction]], threshold: float) -> pd.DataFrame:
    """Return the Photo page's answers as the same table."""
    return pd.DataFrame([_flat(name, prediction, None, threshold) for name, prediction in named])


def counts(outcomes: Sequence[Outcome], threshold: float) -> Counter[str]:
    """Return how many photos got each label; those that the model is not sure of are counted as that."""
    return Counter(
        outcome.prediction.prediction if outcome.prediction.probability >= threshold else words.NOT_SURE
        for outcome in outcomes
        if outcome.prediction is not None
    )


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV that a spreadsheet opens as text: UTF-8 with a mark, and no cell that it takes for a formula."""
    harmless = frame.copy()
    for name in harmless.columns:
        harmless[name] = [_harmless(value) for value in harmless[name]]
    text: str = harmless.to_csv(index=False)
    return text.encode("utf-8-sig")


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _flat(
    name: str, prediction: Prediction | None, problem: words.Message | None, threshold: float
) -> dict[str, str | float | int | None]:
    row: dict[str, str | float | int | None] = {"file": name, "status": "ok" if prediction else "error"}
    if prediction is None:
        return row | {"error": str(problem)}
    row |= {
        "label": prediction.prediction,
        "probability": prediction.probability,
        "confidence": words.confidence(prediction.probability, threshold),
        "width_px": prediction.image.width,
        "height_px": prediction.image.height,
        "format": prediction.image.format,
        "model": f"{prediction.model.name} {prediction.model.version}",
        "server_ms": round(prediction.timing_ms.decode + prediction.timing_ms.inference, 2),
    }
    for rank, entry in enumerate(prediction.top_k, start=1):
        row |= {f"label_{rank}": entry.label, f"probability_{rank}": entry.probability}
    return row | {"error": None}


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def data_url(jpeg: bytes) -> str:
    """Return a small picture as an address that holds it: nothing to fetch, nothing to keep on the server."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
