"""What can go wrong between a caller and the backend.

ClientError
├── BackendNotFound         nobody knows where the backend is: nothing was asked; `attempts` says where it was looked for
├── IdentityError           the backend wants to know who asks, and no ID token was to be had: nothing was sent
├── BackendUnreachable      no connection: nothing listens there, the name does not resolve
│   └── InvalidAddress      what is given as an address is none
├── BackendTimeout          connected, but no answer in time
├── ConnectionBroken        the connection ended in the middle: a backend that is restarted, a network that changes
├── GatewayError            what stands before the backend answers in its place: busy, away, too large; `status` says which
├── AccessRefused           what stands before the backend lets nobody in without a right to it; `status` is 401 or 403
├── InvalidAnswer           an answer that is not Sightserve's: a wrong address, a proxy's page
└── ApiError                the backend answered with a problem; `code` says which
"""

from dataclasses import dataclass
from http import HTTPStatus

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Problem


class ClientError(Exception):
    """Base of all errors of the client.

    Attributes:
        code: stable: the backend's own where it answered with a problem.
    """

    code: str = "no_answer"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One place where the backend was looked for in vain.

    Attributes:
        where: what was asked, as a phrase.
        outcome: what came of it, as a sentence.
        do: what would help, as a sentence.
    """

    where: str
    outcome: str
    do: str


class BackendNotFound(ClientError):
    """The backend is in none of the places where it was looked for."""

    def __init__(self, attempts: tuple[Attempt, ...]) -> None:
        super().__init__("no backend was found: " + " ".join(f"{a.where}: {a.outcome}" for a in attempts))
        self.attempts = attempts


class IdentityError(ClientError):
    """No ID token was to be had for a backend that asks for one; `do` says what would help."""

    def __init__(self, reason: str, do: str) -> None:
        super().__init__(f"{reason} {do}")
        self.reason = reason
        self.do = do


class AccessRefused(ClientError):
    """What stands before the backend did not let the request in.

    Attributes:
        status: 401 (it does not know who asks) or 403 (who asks has no right to it).
    """

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} lets nobody in without a right to it: it answered {status}")
        self.status = status


class BackendUnreachable(ClientError):
    """Nothing answers at the backend's address."""


class InvalidAddress(BackendUnreachable):
    """What is given as the backend's address is none."""


class BackendTimeout(ClientError):
    """The backend did not answer in time."""


class ConnectionBroken(ClientError):
    """The connection ended before the whole answer was there."""


class GatewayError(ClientError):
    """What stands before the backend (Cloud Run, an ingress, a balancer) answered in its place, with a page of its own.

    Attributes:
        status: of its answer.
        retry_after: seconds to wait before another try, where it said so.
    """

    def __init__(self, url: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(f"what stands before {url} answered {status} in its place")
        self.status = status
        self.retry_after = retry_after
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self.code = ErrorCode.PAYLOAD_TOO_LARGE


class InvalidAnswer(ClientError):
    """Something answered that is not Sightserve."""


class ApiError(ClientError):
    """The backend answered with a problem.

    Attributes:
        problem: the whole problem, as it was sent.
        code: its stable code; a member of `api.errors.ErrorCode`, or a string from a newer backend.
        status: its HTTP status.
        retry_after: seconds to wait before another try, where the backend said so.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.code = problem.code
        self.status = problem.status
        self.retry_after = retry_after
