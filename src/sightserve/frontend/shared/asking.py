"""The web app's questions to the backend: a photo, or a frame, to its most probable labels, whichever model answers now."""

from collections.abc import Callable

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Prediction
from sightserve.client import ApiError
from sightserve.client.protocol import Source
from sightserve.client.retry import FOR_A_PERSON, ONCE, Retry
from sightserve.frontend.shared import backend
from sightserve.frontend.shared import metrics as counts
from sightserve.frontend.shared.photos import Photo

Ask = Callable[[Photo], Prediction]


@counts.failures("photo")
def asker(*, patient: bool, labels: int = backend.MOST_LABELS, heat_map: bool = False) -> Ask:
    """Return a function that classifies a photo, safe to call from any thread.

    Args:
        patient: whether to wait and try again, a few times, when the backend says that it is busy.
        labels: how many labels an answer has; fewer where the model knows fewer.
        heat_map: whether to be told where the model looked.

    Raises:
        ClientError: the backend is not found, or does not say how many classes it knows.
    """
    place = backend.whereabouts()
    backend.current(place)
    retry = FOR_A_PERSON if patient else ONCE
    return counts.answers("photo")(
        lambda photo: ask(place, photo.data, labels, filename=photo.name, heat_map=heat_map, retry=retry)
    )


def ask(
    place: backend.Whereabouts,
    image: bytes,
    labels: int,
    *,
    retry: Retry,
    filename: str | None = None,
    heat_map: bool = False,
    source: Source = "page",
) -> Prediction:
    """Return an image's most probable labels, and take note where another model answers than before.

    Args:
        place: where the backend is.
        image: encoded.
        labels: how many; fewer where the model knows fewer.
        retry: what to do when it is busy.
        filename: to be told in the answer.
        heat_map: whether to be told where the model looked.
        source: what of ours asks.

    Raises:
        ClientError: there is no answer.
    """
    answering = backend.client(place.url, place.identified, source)

    def most() -> int:
        return min(labels, backend.current(place).model.classes)

    def once(top_k: int) -> Prediction:
        return answering.predict(image, filename=filename, top_k=top_k, heat_map=heat_map, retry=retry)

    wanted = most()
    try:
        prediction = once(wanted)
    except ApiError as error:
        if error.code != ErrorCode.INVALID_PARAMETER:
            raise
        backend.look_again(place)
        if most() == wanted:
            raise
        prediction = once(most())  # a model with fewer labels has taken the place of the one that was known
    if not backend.is_of(prediction, backend.current(place)):
        backend.look_again(place)
        if most() > wanted:  # the new model has more to say than the old one could be asked for
            prediction = once(most())
    return prediction
