"""A batch's outcomes as tables: what the Batch page shows, and what of it people take home."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from sightserve.frontend.batch.job import Outcome
from sightserve.frontend.shared import words
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.tables import row


def shown(outcomes: Sequence[Outcome], threshold: float) -> pd.DataFrame:
    """Return what the page's table shows: one row for each photo that has an answer."""
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
    return pd.DataFrame([row(outcome.name, outcome.prediction, outcome.problem, threshold) for outcome in outcomes])


def counts(outcomes: Sequence[Outcome], threshold: float) -> Counter[str]:
    """Return how many photos got each label; those that the model is not sure of are counted as that."""
    return Counter(
        outcome.prediction.prediction if outcome.prediction.probability >= threshold else words.NOT_SURE
        for outcome in outcomes
        if outcome.prediction is not None
    )
