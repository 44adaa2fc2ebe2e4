"""What a request and an answer look like, without any I/O: shared by the blocking and the asynchronous client."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal, TypeVar

import httpx2
from pydantic import ValidationError

import sightserve
from sightserve.api.schema import Feedback, Prediction, Problem, WireModel
from sightserve.client.errors import (
    AccessRefused,
    ApiError,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
    ConnectionBroken,
    GatewayError,
    InvalidAddress,
    InvalidAnswer,
)

Model = TypeVar("Model", bound=WireModel)
Source = Literal["page", "client", "command", "video"]

# Seconds. More than the longest deadline that a backend takes of itself, 30 s, and the work that begins just before it.
DEFAULT_TIMEOUT: Final = httpx2.Timeout(60.0, connect=5.0)
# Seconds. Shorter than what servers keep an idle connection for (uvicorn's own 5 s is the shortest that is common): one that
# the server ends while a request is on its way is a request lost.
KEEP_ALIVE: Final = 4.0
_NO_RIGHT: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_GATEWAYS: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


def key_header(api_key: str | None) -> dict[str, str]:
    """Return the header that carries an API key. Not `Authorization`, which is an ID token's.

    Raises:
        ValueError: no header can carry it.
    """
    if not api_key:
        return {}
    if not api_key.isascii() or not api_key.isprintable():
        raise ValueError("an API key consists of printable ASCII characters")
    return {"X-API-Key": api_key.strip()}


def agent_header(source: Source) -> dict[str, str]:
    """Return the header that says which of our programs asks: a backend that keeps feedback keeps that too."""
    return {"User-Agent": f"sightserve-{source}/{sightserve.__version__}"}


def feedback(
    prediction: Prediction | str, verdict: Literal["right", "wrong"], label: str | None, note: str
) -> dict[str, str]:
    """Return what is said of an answer, checked.

    Raises:
        ValueError: it cannot be said so, or the backend keeps no feedback.
    """
    said = Feedback(id=id_of(prediction), verdict=verdict, label=label, note=note)
    return said.model_dump(exclude_none=True)


def id_of(prediction: Prediction | str) -> str:
    """Return the id of an answer.

    Raises:
        ValueError: it has none.
    """
    found = prediction if isinstance(prediction, str) else prediction.id
    if found is None:
        raise ValueError("this answer has no id: the backend that gave it keeps no feedback")
    return found


def query(
    top_k: int | None, probabilities: bool, heat_map: bool = False, heat_map_of: str | None = None
) -> dict[str, str]:
    """Return the query parameters of a prediction; how many classes is left to the backend where nobody said."""
    asked = {} if top_k is None else {"top_k": str(top_k)}
    asked["probabilities"] = str(probabilities).lower()
    if heat_map_of is not None:
        asked["heat_map_of"] = heat_map_of
    return asked | {"heat_map": "true"} if heat_map else asked


# The raw body is the cheapest way in; the bytes themselves tell the backend which image type they are.
RAW_BODY = {"content-type": "application/octet-stream"}


def named(prediction: Prediction, filename: str | None) -> Prediction:
    """Return the prediction with the name that a raw body could not carry."""
    return prediction if filename is None else prediction.model_copy(update={"filename": filename})


def parse(response: httpx2.Response, model: type[Model]) -> Model:
    """Return the answer's body.

    Raises:
        ApiError: the backend answered with a problem.
        InvalidAnswer: the answer is not Sightserve's.
    """
    if not response.is_success:
        raise api_error(response)
    try:
        return model.model_validate_json(response.content or b"{}")  # 204 has none
    except ValidationError as exc:
        raise InvalidAnswer(f"{response.url} answers, but not as a Sightserve backend does") from exc


def content(response: httpx2.Response) -> bytes:
    """Return the body of an answer as it is. Errors as in `parse`."""
    if not response.is_success:
        raise api_error(response)
    return response.content


def text(response: httpx2.Response) -> str:
    """Return the body of an answer that is plain text. Errors as in `parse`."""
    content(response)
    return response.text


def api_error(response: httpx2.Response) -> ClientError:
    """Return the error that an unsuccessful answer stands for."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        # what stands before the backend, or another server altogether
        status = response.status_code
        if status in _NO_RIGHT:  # as Cloud Run does for a service that is not open to all
            return AccessRefused(str(response.url), status)
        if status in _GATEWAYS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return GatewayError(str(response.url), status, seconds_of(response.headers.get("retry-after")))
        return InvalidAnswer(f"{response.url} answered {response.status_code} {response.reason_phrase}".rstrip())
    return ApiError(problem, seconds_of(response.headers.get("retry-after")))


def seconds_of(retry_after: str | None) -> float | None:
    """Read Retry-After (RFC 9110, section 10.2.3): seconds, or a date."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def transport_error(exc: Exception, base_url: str) -> ClientError:
    """Return our name for an error of httpx2."""
    if isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout):
        return BackendUnreachable(f"nothing answers at {base_url}")
    if isinstance(exc, httpx2.TimeoutException):
        return BackendTimeout(f"{base_url} did not answer in time")
    if isinstance(exc, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
        return InvalidAddress(f"{base_url!r} is no address of a backend: it needs to look like http://host:8000")
    if isinstance(exc, httpx2.ProxyError):
        return BackendUnreachable(f"the proxy on the way to {base_url} does not let through: {exc}")
    if isinstance(exc, httpx2.TransportError):
        return ConnectionBroken(f"the connection to {base_url} broke: {exc}")
    return ClientError(f"the answer of {base_url} cannot be read: {exc}")
