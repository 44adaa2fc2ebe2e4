"""The Video page's way to the backend: frames instead of photos, at a pace that the backend sets."""

from typing import Final

from sightserve.client.patience import Patience
from sightserve.frontend.shared import backend
from sightserve.video.analyse import Classify
from sightserve.video.facts import Wanted
from sightserve.video.timeline import Guess

# of a side, where a backend does not say how it crops: twice the pixels that its model takes, enough for any sensible crop
_CROP: Final = 0.5


def frame_asker(patience: Patience, labels: int) -> tuple[Classify, Wanted]:
    """Return a function that classifies a frame, safe to call from any thread, and what the model looks at.

    Args:
        patience: whose pace to keep; it asks again for as long as it takes.
        labels: how many labels an answer has; fewer where the model knows fewer.

    Raises:
        ClientError: the backend is not found, or does not say what its model is.
    """
    place = backend.whereabouts()
    answering = backend.impatient_client(place.url, place.identified)
    model = backend.facts(place.url, place.identified).model

    def ask(frame: bytes) -> tuple[Guess, ...]:
        answer = patience.ask(lambda: answering.predict(frame, top_k=min(labels, model.classes)))
        return tuple(Guess(entry.label, entry.probability) for entry in answer.top_k)

    return ask, Wanted(model.input_width, model.input_height, model.input_crop or _CROP)
