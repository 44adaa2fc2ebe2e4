"""What /docs and /openapi.json say of bodies and errors, where FastAPI cannot see it in a signature."""

import re
from typing import Any

from sightserve.api.errors import HTTP_STATUS, TITLE, ErrorCode
from sightserve.api.schema import Problem
from sightserve.backend.http.problems import MEDIA_TYPE, PROTOCOLS, internal_detail, problem
from sightserve.bundle.manifest import Bundle
from sightserve.imaging.formats import MEDIA_TYPES

_DESCRIPTION = """
Send an image, get its most probable classes. {model}

```
curl -F file=@cat.jpg 'http://127.0.0.1:8000/predict?top_k=2'
curl --data-binary @cat.jpg -H 'Content-Type: image/jpeg' 'http://127.0.0.1:8000/predict'
```

Every error is `application/problem+json` (RFC 9457) with a stable `code`, and every answer carries `X-Request-ID`.
"""

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&])")


def description_of(bundle: Bundle) -> str:
    """Return what /docs says first, in Markdown: what this is, and which model answers."""
    manifest = bundle.manifest
    which = "of which one is right" if manifest.output.meaning == "exclusive" else "of which several may apply, or none"
    name = _MARKUP.sub(r"\\\1", f"{manifest.name} {manifest.version}")
    return _DESCRIPTION.format(model=f"**{name}** knows {manifest.classes:,}, {which}: `GET /model` names them.")


_EXAMPLES: dict[ErrorCode, str] = {
    ErrorCode.MALFORMED_REQUEST: "the form has no file: send the image in a field named 'file' or 'image'",
    ErrorCode.PAYLOAD_TOO_LARGE: "the upload is larger than 31,457,280 bytes (30 MiB), the limit",
    ErrorCode.TOO_MANY_PIXELS: "the image has 20,000 x 20,000 pixels; the limit is 50,000,000 in all",
    ErrorCode.TOO_MANY_FILES: "the batch has more than 64 files, the limit",
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: "not an image of a supported type (JPEG, PNG, ...)",
    ErrorCode.UNREADABLE_IMAGE: "the JPEG image is damaged or incomplete",
    ErrorCode.INVALID_PARAMETER: "top_k must be between 1 and 1000, the number of classes",
    ErrorCode.NOT_FOUND: "Not Found",
    ErrorCode.INTERNAL: internal_detail("4bf92f3577b34da6a3ce929d0e0e4736"),
    ErrorCode.UNAUTHORIZED: "send your API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
    ErrorCode.RATE_LIMITED: "more than 100 per 1 minute: try again in 12 s",
    ErrorCode.REQUEST_TIMEOUT: "the body arrived too slowly, or not at all",
    ErrorCode.OVERLOADED: "too many requests at once: this one could not be answered in time",
    ErrorCode.DEADLINE_EXCEEDED: "no slot was free before the deadline of this request",
    ErrorCode.RELOAD_FAILED: "the model does not work: its outputs are no numbers (NaN)",
    ErrorCode.NOT_READY: "the model is being loaded, or the server is shutting down",
    ErrorCode.UNKNOWN_PREDICTION: "nothing is kept of an answer with this id: it was deleted, or is too old",
    ErrorCode.PHOTO_REFUSED: "this is not the photo that was classified",
    ErrorCode.FEEDBACK_UNAVAILABLE: "the database for feedback does not answer: try again later",
}


def error_responses(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these codes and `internal`, grouped by status, each with an example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, ErrorCode.INTERNAL):
        entry = responses.setdefault(
            int(HTTP_STATUS[code]),
            {"model": Problem, "description": "", "content": {MEDIA_TYPE: {"examples": {}}}},
        )
        entry["description"] += ("; " if entry["description"] else "") + f"`{code}`: {TITLE[code]}"
        example = problem(code, _EXAMPLES[code], "4bf92f3577b34da6a3ce929d0e0e4736").model_dump()
        entry["content"][MEDIA_TYPE]["examples"][code.value] = {"value": example}
    return responses


def told_as(protocol: str, *codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return the same for the addresses of another protocol (`problems.PROTOCOLS`), which has its own words for errors."""
    responses = error_responses(*codes)
    for entry in responses.values():
        (described,) = entry["content"].values()
        examples = {}
        for code, example in described["examples"].items():
            message = PROTOCOLS[protocol](Problem.model_validate(example["value"]), {})
            examples[code] = {"value": message.model_dump(exclude_none=True)}
            entry["model"] = type(message)
        entry["content"] = {"application/json": {"examples": examples}}
    return responses


# With API keys, every address but the health checks can answer these.
ACCESS_ERRORS = (ErrorCode.UNAUTHORIZED, ErrorCode.RATE_LIMITED)
UPLOAD_ERRORS = (
    ErrorCode.MALFORMED_REQUEST,
    *ACCESS_ERRORS,
    ErrorCode.REQUEST_TIMEOUT,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.UNSUPPORTED_IMAGE_TYPE,
    ErrorCode.INVALID_PARAMETER,
    ErrorCode.OVERLOADED,
    ErrorCode.NOT_READY,
)
IMAGE_ERRORS = (*UPLOAD_ERRORS, ErrorCode.TOO_MANY_PIXELS, ErrorCode.UNREADABLE_IMAGE, ErrorCode.DEADLINE_EXCEEDED)

_BINARY = {"type": "string", "format": "binary"}
_FORM = {"type": "object", "properties": {"file": _BINARY}, "required": ["file"]}

ONE_IMAGE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One image: a multipart field `file` (or `image`), or the raw body with its content type.",
        "content": {"multipart/form-data": {"schema": _FORM}}
        | {media_type: {"schema": _BINARY} for media_type in (*MEDIA_TYPES.values(), "application/octet-stream")},
    }
}
MANY_IMAGES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Several images, each a multipart field `file`.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": _BINARY, "minItems": 1}},
                    "required": ["file"],
                }
            }
        },
    }
}
