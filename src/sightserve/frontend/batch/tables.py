"""A batch's outcomes as tables: what the Batch page shows, and what of it people take home."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from sightserve.api.rows import failed
from sightserve.api.schema import Prediction
from sightserve.frontend.batch.outcomes import Outcome
from sightserve.frontend.shared import kinds, words
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.tables import answer, of_rows, row


def shown(outcomes: Sequence[Outcome], threshold: float) -> pd.DataFrame:
    """Return what the page's table shows: one row for each photo that has an answer; `labels` is for filters."""
    rows = [
        {
            "photo": _thumbnail(outcome),
            "label": answer(prediction, threshold) or "",
            "probability": 100 * prediction.probability,  # per cent
            "sure": kinds.confidence(prediction, threshold),
            "runner-up": _runner_up(prediction, threshold),
            "file": outcome.name,
            "labels": kinds.given(prediction, threshold)
            if kinds.is_independent(prediction)
            else (prediction.prediction,),
        }
        for outcome in outcomes
        if (prediction := outcome.prediction) is not None
    ]
    return pd.DataFrame(rows, columns=["photo", "label", "probability", "sure", "runner-up", "file", "labels"])


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
    rows = [
        failed(outcome.name, outcome.code, str(outcome.problem))
        if outcome.prediction is None
        else row(outcome.name, outcome.prediction, threshold, labels)
        for outcome in outcomes
    ]
    return of_rows(rows, labels)


def counts(outcomes: Sequence[Outcome], threshold: float) -> Counter[str]:
    """Return how many photos got each label: those that the model is not sure of none, others several where several apply."""
    return Counter(label for outcome in outcomes if outcome.prediction is not None
                   for label in kinds.given(outcome.prediction, threshold))  # fmt: skip


def without(outcomes: Sequence[Outcome], threshold: float) -> int:
    """Return how many answered photos got no label."""
    return sum(
        outcome.prediction is not None and not kinds.given(outcome.prediction, threshold) for outcome in outcomes
    )


def is_independent(outcomes: Sequence[Outcome]) -> bool:
    """Return whether their labels stand each for itself."""
    return any(outcome.prediction is not None and kinds.is_independent(outcome.prediction) for outcome in outcomes)


def folders(outcome: Outcome, threshold: float) -> tuple[str, ...]:
    """Return the folders that an answered photo is sorted into: of its labels, or one for all that have none."""
    prediction = outcome.prediction
    if prediction is None:
        return ()
    return kinds.given(prediction, threshold) or (nothing(independent=kinds.is_independent(prediction)),)


def nothing(*, independent: bool) -> str:
    """Return why a photo got no label."""
    return words.NONE if independent else words.NOT_SURE


def _runner_up(prediction: Prediction, threshold: float) -> str:
    """Return the label that comes next; where several may apply, the one that comes nearest to it."""
    first = len(kinds.given(prediction, threshold)) if kinds.is_independent(prediction) else 1
    rest = prediction.top_k[first:]
    return rest[0].label if rest else ""


def _thumbnail(outcome: Outcome) -> str | None:
    return data_url(outcome.pictures.thumbnail) if outcome.pictures else None
