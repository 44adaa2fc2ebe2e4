"""The error codes of the wire contract and the one table that gives each its HTTP status.

A code never changes its meaning: programs switch on it, people read the problem's `detail`.
"""

from enum import StrEnum
from http import HTTPStatus


class ErrorCode(StrEnum):
    """What went wrong, as a name that is stable across versions."""

    MALFORMED_REQUEST = "malformed_request"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_FILES = "too_many_files"
    UNSUPPORTED_IMAGE_TYPE = "unsupported_image_type"
    UNREADABLE_IMAGE = "unreadable_image"
    INVALID_PARAMETER = "invalid_parameter"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    REQUEST_TIMEOUT = "request_timeout"
    INTERNAL = "internal"
    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    RELOAD_FAILED = "reload_failed"
    UNKNOWN_PREDICTION = "unknown_prediction"
    PHOTO_REFUSED = "photo_refused"
    FEEDBACK_UNAVAILABLE = "feedback_unavailable"


HTTP_STATUS: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.MALFORMED_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ErrorCode.PAYLOAD_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.TOO_MANY_PIXELS: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.TOO_MANY_FILES: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.UNREADABLE_IMAGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.INVALID_PARAMETER: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    ErrorCode.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.OVERLOADED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.RELOAD_FAILED: HTTPStatus.CONFLICT,
    ErrorCode.UNKNOWN_PREDICTION: HTTPStatus.NOT_FOUND,
    ErrorCode.PHOTO_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.FEEDBACK_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}

# The short, constant sentence of each problem (RFC 9457 `title`); `detail` says what happened this time.
TITLE: dict[ErrorCode, str] = {
    ErrorCode.MALFORMED_REQUEST: "The request is malformed",
    ErrorCode.NOT_FOUND: "There is nothing at this address",
    ErrorCode.METHOD_NOT_ALLOWED: "This address does not take this method",
    ErrorCode.PAYLOAD_TOO_LARGE: "The upload has too many bytes",
    ErrorCode.TOO_MANY_PIXELS: "The image has too many pixels",
    ErrorCode.TOO_MANY_FILES: "The batch has too many files",
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: "This is not an image of a supported type",
    ErrorCode.UNREADABLE_IMAGE: "The image cannot be read",
    ErrorCode.INVALID_PARAMETER: "A parameter is invalid",
    ErrorCode.INTERNAL: "Something went wrong on the server",
    ErrorCode.NOT_READY: "The server is not ready",
    ErrorCode.UNAUTHORIZED: "An API key is needed",
    ErrorCode.RATE_LIMITED: "Too many requests with this key",
    ErrorCode.REQUEST_TIMEOUT: "The upload is too slow",
    ErrorCode.OVERLOADED: "The server is overloaded",
    ErrorCode.DEADLINE_EXCEEDED: "The deadline has passed",
    ErrorCode.RELOAD_FAILED: "The model was not loaded",
    ErrorCode.UNKNOWN_PREDICTION: "Nothing is kept of such an answer",
    ErrorCode.PHOTO_REFUSED: "This photo is not kept with this answer",
    ErrorCode.FEEDBACK_UNAVAILABLE: "Feedback cannot be kept at the moment",
}
