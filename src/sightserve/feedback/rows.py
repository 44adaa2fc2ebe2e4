"""What happened -> [the row that is kept of it]. Pure; runs in a thread, for hashing an image takes milliseconds."""

import hashlib
from typing import Any, Final

from sightserve.api.schema import Prediction
from sightserve.feedback.records import Correction, Predicted
from sightserve.feedback.tables import utc

_RANKED: Final = 10  # labels of an answer that are kept
Row = dict[str, Any]


def prediction_row(made: Predicted) -> Row:
    """Return the row of an answer.

    Raises:
        ValueError: the answer is none.
    """
    answer = Prediction.model_validate_json(made.answer)
    return {
        "id": text(made.id),
        "at": utc(made.at),
        "model_name": text(answer.model.name),
        "model_version": text(answer.model.version),
        "model_sha256": text(made.model_sha256),
        "image_sha256": hashlib.sha256(made.image).hexdigest(),
        "image_bytes": len(made.image),
        "width": answer.image.width,
        "height": answer.image.height,
        "format": text(answer.image.format),
        "label": text(answer.prediction),
        "probability": answer.probability,
        "recognised": answer.recognised,
        "top_k": [[text(ranked.label), ranked.probability] for ranked in answer.top_k[:_RANKED]],
        "source": made.source,
    }


def correction_row(said: Correction) -> Row:
    """Return the row of a correction, without its id."""
    return {
        "prediction": text(said.prediction),
        "at": utc(said.at),
        "verdict": said.verdict,
        "label": text(said.label) if said.label is not None else None,
        "note": text(said.note),
    }


def text(words: str) -> str:
    """Return text that every database takes: no NUL, no half of a surrogate pair."""
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
