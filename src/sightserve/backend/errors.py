"""Everything that can go wrong on the data path, named after where it happens.

    BackendError
    ├── RequestError              the request cannot be read
    │   ├── MalformedRequest
    │   ├── PayloadTooLarge
    │   ├── RequestTimeout
    │   ├── TooManyFiles
    │   └── ModelNotFound
    ├── ImageError                the bytes are no image that we take
    │   ├── UnsupportedImageType
    │   ├── TooManyPixels
    │   └── UnreadableImage
    ├── ParameterError            a parameter is out of range
    ├── AccessError               who asks, and how often
    │   ├── Unauthorized
    │   └── RateLimited
    ├── NotReady                  the process is starting or draining
    ├── Overloaded                the answer would come too late, or the queue is full
    ├── DeadlineExceeded          the deadline passed in the queue
    ├── SlotLost                  the process that did the work died or hangs
    ├── NeedsMemory               a slot says so; the scheduler has it run again when there is enough
    ├── ReloadFailed              another model cannot take the place of the one that serves
    ├── FeedbackError             what somebody says of an answer is not kept
    │   ├── FeedbackOff
    │   ├── UnknownPrediction
    │   ├── PhotoRefused
    │   └── FeedbackUnavailable
    └── ModelError                the model is at fault, never the caller
        ├── ModelLoadError
        └── ModelOutputError

Each class carries the code that it has on the wire; `api.errors` maps code to status. A message is written for the person
who sent the request and tells nothing of the server's insides, except under ModelError, whose message goes to the log alone.
"""

from typing import ClassVar

from sightserve.api.errors import ErrorCode


class BackendError(Exception):
    """Base of all errors of the data path."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL


class RequestError(BackendError):
    """The request cannot be read."""

    code = ErrorCode.MALFORMED_REQUEST


class MalformedRequest(RequestError):
    """Not a readable upload: broken multipart, no file in it, an empty body."""


class PayloadTooLarge(RequestError):
    """More bytes than the limit."""

    code = ErrorCode.PAYLOAD_TOO_LARGE


class RequestTimeout(RequestError):
    """The body arrives too slowly."""

    code = ErrorCode.REQUEST_TIMEOUT


class TooManyFiles(RequestError):
    """More files in one batch than the limit."""

    code = ErrorCode.TOO_MANY_FILES


class ModelNotFound(RequestError):
    """The address names a model, or a version of it, that does not answer here."""

    code = ErrorCode.NOT_FOUND


class ImageError(BackendError):
    """The bytes are no image that we take."""

    code = ErrorCode.UNREADABLE_IMAGE


class UnsupportedImageType(ImageError):
    """No image at all, or one of a type that is not on the list."""

    code = ErrorCode.UNSUPPORTED_IMAGE_TYPE


class TooManyPixels(ImageError):
    """The header announces more pixels than the limit; nothing was decoded."""

    code = ErrorCode.TOO_MANY_PIXELS


class UnreadableImage(ImageError):
    """A supported type, but truncated or damaged."""


class ParameterError(BackendError):
    """A parameter is out of range."""

    code = ErrorCode.INVALID_PARAMETER


class AccessError(BackendError):
    """Who asks, and how often."""


class Unauthorized(AccessError):
    """No API key, or a wrong one."""

    code = ErrorCode.UNAUTHORIZED


class RateLimited(AccessError):
    """Too many requests with one key."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotReady(BackendError):
    """The process is starting or draining."""

    code = ErrorCode.NOT_READY


class Overloaded(BackendError):
    """The answer would come too late, or the queue is full; nothing was done.

    Attributes:
        reason: which bound it was: the label of the metric.
        retry_after: seconds until there should be a place.
    """

    code = ErrorCode.OVERLOADED

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__("too many requests at once: this one could not be answered in time")
        self.reason = reason
        self.retry_after = retry_after


class DeadlineExceeded(BackendError):
    """The deadline passed before the work could start."""

    code = ErrorCode.DEADLINE_EXCEEDED


class SlotLost(BackendError):
    """The process that did the work died or hangs."""


class NeedsMemory(BackendError):
    """Decoding needs more memory than the slot may take unasked; between a slot and the scheduler, never an answer.

    Attributes:
        pixels: that it would hold in memory.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__(f"decoding needs memory for {pixels} pixels")
        self.pixels = pixels


class ReloadFailed(BackendError):
    """Another model cannot take the place of the one that serves; the message is for who runs the server."""

    code = ErrorCode.RELOAD_FAILED


class FeedbackError(BackendError):
    """What somebody says of an answer is not kept."""


class FeedbackOff(FeedbackError):
    """Nobody named a database to keep it in."""

    code = ErrorCode.NOT_FOUND


class UnknownPrediction(FeedbackError):
    """Nobody was given this id, or what had it is gone."""

    code = ErrorCode.UNKNOWN_PREDICTION


class PhotoRefused(FeedbackError):
    """The photo is not the one that was classified, or none are kept here."""

    code = ErrorCode.PHOTO_REFUSED


class FeedbackUnavailable(FeedbackError):
    """The database is away, or too many wait for it; nothing was kept.

    Attributes:
        retry_after: seconds until it is worth asking again.
    """

    code = ErrorCode.FEEDBACK_UNAVAILABLE

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelError(BackendError):
    """The model is at fault, never the caller."""


class ModelLoadError(ModelError):
    """The model file cannot be loaded, or is not of the shape that a bundle promises."""


class ModelOutputError(ModelError):
    """The model returned something that is no probability: it never becomes a confident answer."""
