"""What people say of answers: given, taken back, and counted. Beside the data path: no photo that waits is held up by it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from pydantic_core import from_json

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import ID_PATTERN, Feedback, FeedbackSaved, FeedbackSummary
from sightserve.backend import feedback as kept
from sightserve.backend.build import Backend
from sightserve.backend.errors import (
    FeedbackOff,
    MalformedRequest,
    Overloaded,
    ParameterError,
    PhotoRefused,
    UnknownPrediction,
)
from sightserve.backend.http.classify import backend_of, json_response
from sightserve.backend.http.openapi import ACCESS_ERRORS, error_responses
from sightserve.backend.http.openapi_clients import path_parameters
from sightserve.backend.http.uploads import MULTIPART, BodyLimits, Upload, content_type_of, read_body, read_form
from sightserve.feedback.records import Correction

router = APIRouter(prefix="/feedback", tags=["feedback"])

_JSON: Final = b"application/json"
_PHOTO: Final = "photo"
_MOST_TEXT: Final = 16 * 1024  # bytes: the longest note and label, however JSON escapes them
_ID: Final = re.compile(ID_PATTERN)
_MOST_SHOWN: Final = 50  # characters of what a stranger typed
_MOST_TOLD: Final = 5
_ERRORS: Final = (*ACCESS_ERRORS, ErrorCode.NOT_FOUND, ErrorCode.FEEDBACK_UNAVAILABLE)


def _form() -> dict[str, Any]:
    schema = Feedback.model_json_schema()
    return schema | {"properties": schema["properties"] | {_PHOTO: {"type": "string", "format": "binary"}}}


@router.post(
    "",
    summary="Say whether an answer was right",
    status_code=HTTPStatus.CREATED,
    response_model=FeedbackSaved,
    responses=error_responses(
        *_ERRORS,
        ErrorCode.UNKNOWN_PREDICTION,
        ErrorCode.MALFORMED_REQUEST,
        ErrorCode.INVALID_PARAMETER,
        ErrorCode.PHOTO_REFUSED,
        ErrorCode.REQUEST_TIMEOUT,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.TOO_MANY_PIXELS,
        ErrorCode.UNSUPPORTED_IMAGE_TYPE,
        ErrorCode.UNREADABLE_IMAGE,
        ErrorCode.OVERLOADED,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "JSON; or a form, where the photo may be kept, with it in `photo`. Said again, the last counts.",
            "content": {
                _JSON.decode(): {"schema": Feedback.model_json_schema()},
                MULTIPART.decode(): {"schema": _form()},
            },
        }
    },
)
async def give(request: Request) -> Response:
    """Keep it: when this answers 201, it is in the database. A photo has to be the one that was classified."""
    backend, feedback = backend_of(request), _feedback(request)
    try:
        with feedback.body() as grow:
            said, upload = await _read(request, backend, grow)
            if upload is not None and not feedback.info.photos:
                raise PhotoRefused("no photos are kept here: send this without one")
            photo = None if upload is None else await feedback.remake(upload.data)
    except Overloaded as exc:
        backend.metrics.rejected.labels(exc.reason).inc()
        raise
    correction = Correction(said.id, datetime.now(UTC), said.verdict, said.label, said.note)
    if photo is not None:
        correction = replace(correction, photo=photo.jpeg, photo_sha256=photo.sha256)
    await kept.told(feedback.recorder.judged(correction))
    backend.metrics.feedback.labels(said.verdict).inc()
    saved = json_response(FeedbackSaved(id=said.id, photo=photo is not None))
    saved.status_code = HTTPStatus.CREATED
    return saved


@router.delete(
    "/{id}",
    summary="Have an answer deleted, and all that was said of it",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=error_responses(*_ERRORS, ErrorCode.UNKNOWN_PREDICTION),
    openapi_extra=path_parameters("id"),
)
async def forget(request: Request) -> Response:
    """Delete its photo too, unless it was given with another answer."""
    feedback = _feedback(request)
    if not _ID.fullmatch(prediction := request.path_params["id"]):
        raise UnknownPrediction("no answer has such an id")
    await kept.told(feedback.recorder.forget(prediction))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("", summary="How right the model was, by what people said", responses=error_responses(*_ERRORS))
async def summary(request: Request) -> FeedbackSummary:
    """Count for the model that serves now, as of a few seconds ago."""
    found = await _feedback(request).summary(backend_of(request).bundle.manifest.model.sha256)
    return FeedbackSummary(
        predictions=found.predictions, judged=found.judged, right=found.right, low=found.low, high=found.high
    )


def _feedback(request: Request) -> kept.Feedback:
    feedback = backend_of(request).feedback
    if feedback is None:
        raise FeedbackOff(
            "no feedback is taken here: whoever runs this server turns it on by SIGHTSERVE_FEEDBACK_DATABASE, "
            "such as sqlite:///feedback.db"
        )
    return feedback


async def _read(request: Request, backend: Backend, grow: Callable[[int], None]) -> tuple[Feedback, Upload | None]:
    settings = backend.settings
    limits = partial(
        BodyLimits,
        idle_seconds=settings.idle_timeout,
        total_seconds=settings.body_timeout,
        grow=grow,
        abandoned=backend.metrics.abandoned.inc,
    )
    content_type, _ = content_type_of(request)
    photo = None
    if content_type == MULTIPART:
        largest = limits(settings.max_upload_bytes + _MOST_TEXT)
        fields, photo = await read_form(request, largest, file=_PHOTO, max_text=_MOST_TEXT)
        # a page's form sends every field, and a file that nobody chose has no bytes
        said: object = {name: text for name, text in fields.items() if text}
        photo = photo if photo is not None and photo.data else None
    elif content_type == _JSON:
        try:
            said = from_json(await read_body(request, limits(_MOST_TEXT)), allow_inf_nan=False)
        except ValueError as exc:
            raise MalformedRequest(f"the body is not JSON: {exc}") from exc
    else:
        raise MalformedRequest(f"send {_JSON.decode()}, or {MULTIPART.decode()} where a photo comes with it")
    try:
        return Feedback.model_validate(said), photo
    except ValidationError as exc:
        wrong = [(".".join(str(part)[:_MOST_SHOWN] for part in each["loc"]), each["msg"]) for each in exc.errors()]
        raise ParameterError(
            "; ".join(
                f"{where or 'feedback'}: {what.removeprefix('Value error, ')}" for where, what in wrong[:_MOST_TOLD]
            )
        ) from exc
