"""A batch's outcomes as tables: what the Batch page shows, and what of it people take home."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from sightserve.api.schema import Prediction
from sightserve.frontend.batch.outcomes import Outcome
from sightserve.frontend.shared import kinds, words
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.tables import of_rows, row


def shown(outcomes: Sequence[Outcome], threshold: float) -> pd.DataFrame:
    """Return what the page's table shows: one row for each photo that has an answer."""
    rows = [
        {
            "photo": _thumbnail(outcome),
            "label": prediction.prediction,
            "probability": 100 * prediction.probability,  # per cent
            "sure": kinds.confidence(prediction, threshold),
            "runner-up": prediction.top_k[1].label if len(prediction.top_k) > 1 else "",
            "file": outcome.name,
        }
        for outcome in outcomes
        if (prediction := outcome.prediction) is not None
    ]
    return pd.DataFrame(rows, columns=["photo", "label", "probability", "sure", "runner-up", "file"])


def errors(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return one row for each photo that has none; pictures only where one of them has any."""
    rows = [
        {
            "photo": _thumbnail(outcome),
            "file": outcome.name,
            "what happened": outcome.problem.what,
            "what to do": outcome.problem.do,
        }
        for outcome in outcomes
        if outcome.problem is not None
    ]
    frame = pd.DataFrame(rows, columns=["photo", "file", "what happened", "what to do"])
    return frame if frame["photo"].notna().any() else frame.drop(columns="photo")


def complete(outcomes: Sequence[Outcome], threshold: float, labels: int) -> pd.DataFrame:
    """Return everything that is known, errors included, for a file: one row for each photo, in the order given.

    Args:
        outcomes: the photos.
        threshold: the probability below which an answer counts as not sure.
        labels: for how many labels there are columns, whatever the answers have.
    """
    rows = [row(outcome.name, _first(outcome, labels), outcome.problem, threshold) for outcome in outcomes]
    return of_rows(rows, labels)


def counts(outcomes: Sequence[Outcome], threshold: float) -> Counter[str]:
    """Return how many photos got each label; those that the model is not sure of got none."""
    return Counter(
        outcome.prediction.prediction
        for outcome in outcomes
        if outcome.prediction is not None and kinds.confidence(outcome.prediction, threshold) != words.NOT_SURE
    )


def folder(outcome: Outcome, threshold: float) -> str:
    """Return the folder that an answered photo is sorted into: its label, or one for all that the model is not sure of."""
    prediction = outcome.prediction
    sure = prediction is not None and kinds.confidence(prediction, threshold) != words.NOT_SURE
    return prediction.prediction if prediction is not None and sure else words.NOT_SURE


def _first(outcome: Outcome, labels: int) -> Prediction | None:
    prediction = outcome.prediction
    return prediction and prediction.model_copy(update={"top_k": prediction.top_k[:labels]})


def _thumbnail(outcome: Outcome) -> str | None:
    return data_url(outcome.pictures.thumbnail) if outcome.pictures else None
