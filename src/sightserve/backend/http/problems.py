"""Errors as RFC 9457 problem details: the only place where an exception becomes an HTTP answer.

Under the addresses of other protocols they are in the words that the clients of these read.
"""

import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from sightserve.api.errors import HTTP_STATUS, TITLE, ErrorCode
from sightserve.api.schema import Problem, WireModel
from sightserve.backend.errors import (
    BackendError,
    FeedbackUnavailable,
    ModelError,
    NotReady,
    Overloaded,
    RateLimited,
    RequestError,
    SlotLost,
    Unauthorized,
)
from sightserve.backend.http.protocols import ErrorMessage, TorchServeError

MEDIA_TYPE = "application/problem+json"
_CODE_OF_STATUS = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED, 413: ErrorCode.PAYLOAD_TOO_LARGE}
_MAX_SHOWN_PATH = 200  # characters
_log = logging.getLogger(__name__)


def problem(code: ErrorCode, detail: str, request_id: str | None) -> Problem:
    """Return the body that tells of an error."""
    return Problem(
        type="about:blank",
        title=TITLE[code],
        status=int(HTTP_STATUS[code]),
        detail=detail,
        code=code.value,
        request_id=request_id,
    )


def problem_of(exc: BackendError, request_id: str | None) -> Problem:
    """Return the body for an error of the data path; a failure of ours is logged and told without its insides."""
    if isinstance(exc, ModelError | SlotLost):
        _log.error("request %s failed on our side", request_id, exc_info=exc)
        return problem(exc.code, internal_detail(request_id), request_id)
    return problem(exc.code, str(exc), request_id)


def internal_detail(request_id: str | None) -> str:
    """Return what a person may know of an error that is ours: how to ask about it."""
    return f"the server failed on this request; its log has the reason under the id {request_id}"


def response(body: Problem, headers: dict[str, str] | None = None, path: str = "") -> Response:
    """Return the HTTP answer for a problem, in the words of the protocol that a path belongs to."""
    for prefix, words in PROTOCOLS.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return Response(
                words(body, headers or {}).model_dump_json(exclude_none=True),
                status_code=body.status,
                media_type="application/json",
                headers=headers,
            )
    return Response(body.model_dump_json(), status_code=body.status, media_type=MEDIA_TYPE, headers=headers)


def answer(exc: BackendError, scope: Scope) -> Response:
    """Return the HTTP answer for an error of the data path."""
    return response(problem_of(exc, scope.get("request_id")), refusal_headers(exc), own_path(scope))


def own_path(scope: Scope) -> str:
    """Return a request's path as our routes know it, without what a proxy has before it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _as_message(body: Problem, _headers: Mapping[str, str]) -> ErrorMessage:
    return ErrorMessage(error=body.detail)


def _as_hugging_face(body: Problem, headers: Mapping[str, str]) -> ErrorMessage:
    wait = headers.get("Retry-After") if body.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return ErrorMessage(error=body.detail, estimated_time=float(wait) if wait else None)


def _as_torchserve(body: Problem, _headers: Mapping[str, str]) -> TorchServeError:
    return TorchServeError(code=body.status, type=body.code, message=body.detail)


PROTOCOLS: Final[dict[str, Callable[[Problem, Mapping[str, str]], WireModel]]] = {
    "/v2": _as_message,
    "/hf": _as_hugging_face,
    "/predictions": _as_torchserve,
}


def refusal_headers(exc: BackendError) -> dict[str, str]:
    """Return the headers that belong to an error: when to come back, how to authenticate, that the connection ends."""
    if isinstance(exc, RequestError):
        # The rest of the upload may still be on its way: the connection cannot carry another request after it.
        return {"Connection": "close"}
    if isinstance(exc, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(exc, Overloaded | RateLimited | FeedbackUnavailable):
        return {"Retry-After": str(max(1, math.ceil(exc.retry_after)))}  # whole seconds (RFC 9110, section 10.2.3)
    if isinstance(exc, NotReady):
        return {"Retry-After": "1"}
    return {}


def request_id_of(request: Request) -> str | None:
    """Return the id that the middleware gave this request."""
    request_id: str | None = request.scope.get("request_id")
    return request_id


async def _backend_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, BackendError)  # noqa: S101 - registered for this class only
    return answer(exc, request.scope)


async def _unexpected(request: Request, _exc: Exception) -> Response:
    # logged by the middleware, to which Starlette hands the exception on after this answer
    request_id = request_id_of(request)
    return response(problem(ErrorCode.INTERNAL, internal_detail(request_id), request_id), path=own_path(request.scope))


async def _http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101
    code = _CODE_OF_STATUS.get(exc.status_code)
    if code is None:
        code = ErrorCode.MALFORMED_REQUEST if exc.status_code < 500 else ErrorCode.INTERNAL  # noqa: PLR2004
    path = request.scope["path"][:_MAX_SHOWN_PATH]
    detail = {
        ErrorCode.NOT_FOUND: f"no {path} here; /docs lists what there is",
        ErrorCode.METHOD_NOT_ALLOWED: f"{path} does not take {request.method}",
    }.get(code, str(exc.detail))
    headers = dict(exc.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"  # `middleware.py` makes the one of the other
    return response(problem(code, detail, request_id_of(request)), headers, own_path(request.scope))


HANDLERS: dict[int | type[Exception], Callable[[Request, Exception], Coroutine[Any, Any, Response]]] = {
    BackendError: _backend_error,
    HTTPException: _http_exception,
    Exception: _unexpected,
}
