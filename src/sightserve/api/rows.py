"""A photo's answer as a row of a table that people take home: the same columns from `sightserve batch` and from the web app.

A column's type never depends on what happened to the photos: tables of many batches fit together. Pure, standard library alone.
"""

from collections.abc import Mapping
from typing import Any, Final

APPLIES: Final = 0.5  # from this probability on, a label that stands for itself applies: as likely as not
BETWEEN: Final = "; "  # labels that apply; labels have commas in them
_DECIMALS: Final = 6  # of a probability: beyond them, a float32's last bits differ from one processor to the next

Cell = str | float | int | bool | None
Row = dict[str, Cell]


def columns(labels: int) -> dict[str, type]:
    """Return the columns in their order and what is in them, with room for so many ranked labels; any cell may be empty."""
    ranked = {
        name: kind
        for rank in range(1, labels + 1)
        for name, kind in ((f"label_{rank}", str), (f"probability_{rank}", float))
    }
    return {
        "path": str,
        "status": str,  # ok or error
        "label": str,
        "probability": float,
        "recognised": bool,
        "width": int,  # pixels, of the upright photo
        "height": int,
        "format": str,
        "model": str,
        **ranked,
        "error_code": str,
        "error": str,
    }


def answered(path: str, prediction: Mapping[str, Any], labels: int, *, applies: float = APPLIES) -> Row:
    """Return the row of a photo that has an answer.

    Args:
        path: of the photo.
        prediction: an `api.schema.Prediction` as JSON has it.
        labels: how many ranked labels there is room for.
        applies: the probability from which a label applies, where several may.
    """
    ranked, model, image = prediction["top_k"], prediction["model"], prediction["image"]
    label: str | None = prediction["prediction"]
    if model["outputs"] == "independent":
        label = BETWEEN.join(entry["label"] for entry in ranked if entry["probability"] >= applies) or None
    row: Row = {
        "path": path,
        "status": "ok",
        "label": label,
        "probability": round(prediction["probability"], _DECIMALS),
        "recognised": prediction["recognised"],
        "width": image["width"],
        "height": image["height"],
        "format": image["format"],
        "model": f"{model['name']} {model['version']}",
    }
    for rank, entry in enumerate(ranked[:labels], start=1):
        row[f"label_{rank}"] = entry["label"]
        row[f"probability_{rank}"] = round(entry["probability"], _DECIMALS)
    return row


def failed(path: str, code: str, words: str) -> Row:
    """Return the row of a photo that has none: a stable code, and what happened in words."""
    return {"path": path, "status": "error", "error_code": code, "error": words}
