"""The Video page's way to the backend: frames instead of photos, at a pace that the backend sets."""

from typing import Any

from sightserve.api.schema import Prediction
from sightserve.client.patience import Patience
from sightserve.client.retry import ONCE
from sightserve.frontend.shared import backend, metrics
from sightserve.video.analyse import Classify
from sightserve.video.timeline import Guess


@metrics.failures("frame")
def frame_asker(patience: Patience, labels: int) -> tuple[Classify, dict[str, Any]]:
    """Return a function that classifies a frame, safe to call from any thread, and what the model looks at.

    Args:
        patience: whose pace to keep; it asks again for as long as it takes.
        labels: how many labels an answer has; fewer where the model knows fewer.

    Raises:
        ClientError: the backend is not found, or does not say what its model is.
    """
    place = backend.whereabouts()
    answering = backend.client(place.url, place.identified)
    model = backend.facts(place.url, place.identified).model

    @metrics.answers("frame")
    def once(frame: bytes) -> Prediction:
        return backend.asked(place, labels, lambda top_k: answering.predict(frame, top_k=top_k, retry=ONCE))

    def ask(frame: bytes) -> tuple[Guess, ...]:
        answer = patience.ask(lambda: once(frame))
        return tuple(Guess(entry.label, entry.probability) for entry in answer.top_k)

    return ask, model.looks()
