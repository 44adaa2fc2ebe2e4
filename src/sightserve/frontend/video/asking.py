"""The Video page's way to the backend: frames instead of photos, at a pace that the backend sets."""

from sightserve.api.schema import ModelInfo, Prediction
from sightserve.client.patience import Patience
from sightserve.client.retry import ONCE
from sightserve.frontend.shared import asking, backend, metrics
from sightserve.video.analyse import Classify
from sightserve.video.timeline import Guess


@metrics.failures("frame")
def frame_asker(patience: Patience, labels: int) -> tuple[Classify, ModelInfo]:
    """Return a function that classifies a frame, safe to call from any thread, and what the model is.

    Args:
        patience: whose pace to keep; it asks again for as long as it takes.
        labels: how many labels an answer has; fewer where the model knows fewer.

    Raises:
        ClientError: the backend is not found, or does not say what its model is.
    """
    place = backend.whereabouts()
    model = backend.facts(place.url, place.identified).model

    @metrics.answers("frame")
    def once(frame: bytes) -> Prediction:
        return asking.ask(place, frame, labels, retry=ONCE, source="video")

    def ask(frame: bytes) -> tuple[Guess, ...]:
        answer = patience.ask(lambda: once(frame))
        return tuple(Guess(entry.label, entry.probability) for entry in answer.top_k)

    return ask, model
