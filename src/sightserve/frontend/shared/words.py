"""What all pages say in the same words: confidence in words, and for every error what happened and what to do."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from sightserve.api.errors import ErrorCode
from sightserve.client import (
    AccessRefused,
    ApiError,
    BackendNotFound,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
    GatewayError,
    IdentityError,
    InvalidAnswer,
)
from sightserve.client.retry import is_absent, is_temporary
from sightserve.frontend.shared.settings import settings

DEFAULT_THRESHOLD: Final = 0.35
_MANY: Final = 5  # labels
_ABOVE_CHANCE: Final = 10  # per cent
_JOINER: Final = "\N{WORD JOINER}"
_TURNS_AROUND: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")  # writing direction, embedded and overridden


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, and what to do about it."""

    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.what} {self.do}"


# At least this probable -> these words. Below the threshold it is a guess, whatever this table says.
FAIRLY_SURE: Final = 0.6
_CONFIDENCE: Final = ((0.9, "Very sure"), (FAIRLY_SURE, "Fairly sure"), (0.0, "Leaning towards this"))
NOT_SURE: Final = "Not sure"
NONE: Final = "No label applies"
ALONE: Final = "The classifier answers this app alone: it has no address for people to open."

FORMATS: Final = "JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
_KINDS: Final = Message("This is not a photo of a kind that works here.", f"Choose a {FORMATS} file.")
_BUSY: Final = Message("Very many people are using the classifier right now.", "Try again in a few seconds.")
_LATE: Final = Message("The classifier took too long to answer.", "Many people may be using it: try again in a minute.")
_AWAY: Final = Message(
    "The classifier is away at the moment.", "Wait a little and try again. The About page says where it was looked for."
)
NOT_KEPT: Final = Message("This could not be kept just now.", "Try again.")
_TOO_LARGE: Final = "This file is too large."
_REFUSED: Final = Message(
    "The classifier does not let this app in.", "Whoever runs this app needs to give it permission."
)

_BY_CODE: Final[dict[str, Message]] = {
    ErrorCode.TOO_MANY_PIXELS: Message(
        "This photo has too many pixels.", "Make it smaller in a photo app and try again."
    ),
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: _KINDS,
    ErrorCode.UNREADABLE_IMAGE: Message(
        "This photo is damaged or incomplete.", "Open it in a photo app, save it again, and try the new file."
    ),
    ErrorCode.MALFORMED_REQUEST: Message("The file is empty or did not arrive whole.", "Choose it once more."),
    ErrorCode.NOT_READY: Message("The classifier is still starting.", "Wait a few seconds and try again."),
    ErrorCode.UNKNOWN_PREDICTION: Message(
        "Nothing is kept of this answer any more.", "Classify the photo again for a new one."
    ),
    ErrorCode.FEEDBACK_UNAVAILABLE: NOT_KEPT,
    # what the backend says when it is overloaded, stopping or late
    "overloaded": _BUSY,
    "request_timeout": Message("The photo took too long to arrive.", "Try once more, with a better connection."),
    "draining": Message("The classifier is being restarted.", "Try again in a few seconds."),
}
_BY_STATUS: Final[dict[int, Message]] = {
    HTTPStatus.UNAUTHORIZED: _REFUSED,
    HTTPStatus.FORBIDDEN: _REFUSED,
    HTTPStatus.TOO_MANY_REQUESTS: _BUSY,
    HTTPStatus.SERVICE_UNAVAILABLE: _BUSY,
    HTTPStatus.GATEWAY_TIMEOUT: _LATE,
}
INTERNAL: Final = Message("The classifier failed on this photo.", "Try once more, or another photo.")


def confidence(probability: float, threshold: float = DEFAULT_THRESHOLD) -> str:
    """Return how sure the model is, in words; below the threshold it is not."""
    if probability < threshold:
        return NOT_SURE
    return next(words for least, words in _CONFIDENCE if probability >= least)


def least(classes: int) -> int:
    """Return the lowest threshold that says anything, per cent: of two labels one always has half."""
    return 100 // classes // 5 * 5 if classes < _MANY else 0


def default_threshold(classes: int) -> int:
    """Return the threshold to begin with, per cent: of few labels the first is probable by chance alone."""
    return max(round(100 * DEFAULT_THRESHOLD), 5 * round((100 / classes + _ABOVE_CHANCE) / 5))


def percent(probability: float) -> str:
    """Return a probability for people: never 0 % or 100 %, because no model is that sure."""
    if probability < 0.001:  # noqa: PLR2004 - a tenth of a per cent
        return "<0.1%"
    if probability < 0.1:  # noqa: PLR2004 - small ones differ in their tenths
        return f"{probability:.1%}"
    return ">99%" if probability >= 0.995 else f"{probability:.0%}"  # noqa: PLR2004 - what would round to 100 %


def duration(seconds: float) -> str:
    """Return a span of time as people say it."""
    if seconds < 1:
        return "a moment"
    if seconds < 90:  # noqa: PLR2004 - longer ones are minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def size(byte_count: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("bytes", "KB", "MB"):
        if byte_count < 1000:  # noqa: PLR2004 - decimal units, as file managers show them
            return f"{byte_count:.0f} {unit}" if unit != "MB" else f"{byte_count:.1f} MB"
        byte_count /= 1000
    return f"{byte_count:.1f} GB"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: file names are strangers', and labels whoever's who made the model.

    What looks like an address or an icon's name becomes that even so, after all escapes are undone: an invisible joiner keeps
    it from that. What would turn the text around that follows goes.
    """
    text = _TURNS_AROUND.sub("", text)
    escaped = re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&])", r"\\\1", text)
    return re.sub(r"(?i)(www|@|\\:(?=//|material/|[\\\w+-]+\\:))", r"\1" + _JOINER, escaped)


def of_code(code: str) -> Message:
    """Return what to tell a person about an error by its code alone."""
    return _BY_CODE.get(code, INTERNAL)


def explain(error: ClientError, max_pixels: int = 0) -> Message:  # noqa: PLR0911 - a table, written as a match
    """Return what to tell a person about an error.

    Args:
        error: what went wrong.
        max_pixels: that a photo may have, where that is known.
    """
    match error:
        case ApiError(code=ErrorCode.TOO_MANY_PIXELS) if max_pixels:
            most = f"{max_pixels / 1e6:.0f} megapixels is the most"
            return Message("This photo has too many pixels.", f"Make it smaller in a photo app and try again: {most}.")
        case ApiError(code=ErrorCode.PAYLOAD_TOO_LARGE):
            return Message(_TOO_LARGE, f"Try a smaller one: {settings().max_upload_mb} MB is the most.")
        case ApiError(code=code, status=status):
            return _BY_CODE.get(code) or _BY_STATUS.get(status, INTERNAL)
        case BackendUnreachable():
            return _AWAY
        case GatewayError(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return Message(_TOO_LARGE, "Make it smaller in a photo app and try again.")
        case GatewayError(status=status):
            return _BY_STATUS.get(status, _AWAY)
        case BackendTimeout():
            return _LATE
        case BackendNotFound():
            return Message("This app does not know where its classifier is.", "Whoever runs this app needs to tell it.")
        case IdentityError():
            return Message(
                "The classifier wants to know who asks, and this app cannot tell it.",
                "Whoever runs this app finds more on the About page.",
            )
        case AccessRefused():
            return _REFUSED
        case InvalidAnswer():
            return Message(
                "Something answers that is not the classifier.", "Whoever runs this app needs to set its address."
            )
    return Message("The connection to the classifier broke.", "Try again.")


def advice(error: ClientError) -> str:
    """Return what whoever runs this app can do about an error, as Markdown."""
    match error:
        case IdentityError(reason=reason, do=do):
            return f"{plain(reason)} {plain(do)}"
        case AccessRefused(status=HTTPStatus.UNAUTHORIZED) | ApiError(status=HTTPStatus.UNAUTHORIZED):
            return (
                "the classifier does not know this app. A private Cloud Run service needs an ID token: set"
                " `SIGHTSERVE_IDENTITY=always` where this app does not see by itself that there is one, and let the token's"
                " audience be the address above. API keys are for programs: this app sends none."
            )
        case AccessRefused() | ApiError(status=HTTPStatus.FORBIDDEN):
            return (
                "the classifier is a private service. Give the account that this app runs as the role `roles/run.invoker` on"
                " it; that takes a minute or two to come into force. If nothing above says that this app sends an ID token, it"
                " sends none: set `SIGHTSERVE_IDENTITY=always`."
            )
    return (
        "start the classifier with `sightserve serve`, or set the environment variable `BACKEND` to its address, such as"
        " `http://127.0.0.1:8000`, and start the app again."
    )


def clock(seconds: float) -> str:
    """Return a moment in time as players show it: 1:02.5, or 1:00:02.5."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    head = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{head}:{rest // 10:02d}.{rest % 10}"


def is_starting(error: ClientError) -> bool:
    """Return whether waiting is likely to help: nothing answers yet, or something says that it is not ready."""
    return is_absent(error) or (isinstance(error, GatewayError) and is_temporary(error))
