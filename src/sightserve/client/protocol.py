"""What a request and an answer look like, without any I/O: shared by the blocking and the asynchronous client."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

import httpx2
from pydantic import ValidationError

from sightserve.api.schema import Prediction, Problem, WireModel
from sightserve.client.errors import (
    AccessRefused,
    ApiError,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
    InvalidAnswer,
)

ImageSource: TypeAlias = bytes | str | Path | BinaryIO
Model = TypeVar("Model", bound=WireModel)

DEFAULT_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_SERVICE_UNAVAILABLE = 503
_NO_RIGHT = (401, 403)


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again: only where the backend surely did no work, and only so often.

    Attributes:
        attempts: how many tries in all, at least 1.
        backoff: seconds before the second try, doubled before each further one; a Retry-After header wins over it.
        longest_wait: seconds; a longer wait is not waited for, the error is raised instead.
    """

    attempts: int = 3
    backoff: float = 0.2
    longest_wait: float = 10.0

    def wait(self, attempt: int, error: ClientError) -> float | None:
        """Return the seconds to wait after this failed attempt (1, 2, ...), or None to give up."""
        if attempt >= self.attempts:
            return None
        wait = self.backoff * 2 ** (attempt - 1)
        if isinstance(error, ApiError):
            if error.status != _SERVICE_UNAVAILABLE or error.retry_after is None:
                return None
            wait = error.retry_after
        elif not isinstance(error, BackendUnreachable):
            return None
        return wait if wait <= self.longest_wait else None


DEFAULT_RETRY = Retry()


def read_image(image: ImageSource) -> tuple[bytes, str | None]:
    """Return an image's bytes and, where it has one, its name.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(image, bytes):
        return image, None
    if isinstance(image, str | Path):
        path = Path(image)
        return path.read_bytes(), path.name
    name = getattr(image, "name", None)
    return image.read(), Path(name).name if isinstance(name, str) else None


def query(top_k: int, probabilities: bool, heat_map: bool = False, heat_map_of: str | None = None) -> dict[str, str]:
    """Return the query parameters of a prediction."""
    asked = {"top_k": str(top_k), "probabilities": str(probabilities).lower()}
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
        return model.model_validate_json(response.content)
    except ValidationError as exc:
        raise InvalidAnswer(f"{response.url} answers, but not as a Sightserve backend does") from exc


def text(response: httpx2.Response) -> str:
    """Return the body of an answer that is plain text. Errors as in `parse`."""
    if not response.is_success:
        raise api_error(response)
    return response.text


def api_error(response: httpx2.Response) -> ClientError:
    """Return the error that an unsuccessful answer stands for."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        # a proxy's page, or another server altogether; Cloud Run answers so for a service that is not open to all
        if response.status_code in _NO_RIGHT:
            return AccessRefused(str(response.url), response.status_code)
        return InvalidAnswer(f"{response.url} answered {response.status_code} {response.reason_phrase}".rstrip())
    return ApiError(problem, _seconds(response.headers.get("retry-after")))


def _seconds(retry_after: str | None) -> float | None:
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
        return BackendUnreachable(f"{base_url!r} is no address of a backend: it needs to look like http://host:8000")
    return ClientError(f"the connection to {base_url} broke: {exc}")
