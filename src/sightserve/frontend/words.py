"""What the web app says: confidence in words, and for every error what happened and what to do."""

from dataclasses import dataclass

from sightserve.api.errors import ErrorCode
from sightserve.client import ApiError, BackendTimeout, BackendUnreachable, ClientError, InvalidAnswer


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, and what to do about it."""

    what: str
    do: str


# At least this probable -> these words.
_CONFIDENCE = (
    (0.9, "Very sure"),
    (0.6, "Fairly sure"),
    (0.35, "Leaning towards this"),
    (0.0, "Not sure, a guess at best"),
)

_BY_CODE: dict[str, Message] = {
    ErrorCode.PAYLOAD_TOO_LARGE: Message("This file is too large.", "Try a smaller one: 30 MB is the most."),
    ErrorCode.TOO_MANY_PIXELS: Message(
        "This photo has too many pixels.", "Make it smaller in a photo app and try again."
    ),
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: Message(
        "This is not a photo of a kind that works here.", "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC do."
    ),
    ErrorCode.UNREADABLE_IMAGE: Message(
        "This photo is damaged or incomplete.", "Open it in a photo app, save it again, and try the new file."
    ),
    ErrorCode.MALFORMED_REQUEST: Message("The file is empty or did not arrive whole.", "Choose it once more."),
    ErrorCode.NOT_READY: Message("The classifier is still starting.", "Wait a few seconds and press Classify again."),
}
_INTERNAL = Message("The classifier failed on this photo.", "Try once more, or another photo.")


def confidence(probability: float) -> str:
    """Return how sure the model is, in words."""
    return next(words for least, words in _CONFIDENCE if probability >= least)


def explain(error: ClientError) -> Message:
    """Return what to tell a person about an error."""
    match error:
        case ApiError(code=code):
            return _BY_CODE.get(code, _INTERNAL)
        case BackendUnreachable():
            return Message("The classifier is away at the moment.", "Wait a little and press Classify again.")
        case BackendTimeout():
            return Message(
                "The classifier took too long to answer.", "Many people may be using it: try again in a minute."
            )
        case InvalidAnswer():
            return Message(
                "Something answers that is not the classifier.", "Whoever runs this page set a wrong address."
            )
    return Message("The connection to the classifier broke.", "Press Classify again.")
