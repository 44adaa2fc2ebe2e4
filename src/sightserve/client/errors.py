"""What can go wrong between a caller and the backend.

ClientError
├── BackendUnreachable      no connection: nothing listens there, the name does not resolve
├── BackendTimeout          connected, but no answer in time
├── InvalidAnswer           an answer that is not Sightserve's: a wrong address, a proxy's page
└── ApiError                the backend answered with a problem; `code` says which
"""

from sightserve.api.schema import Problem


class ClientError(Exception):
    """Base of all errors of the client."""


class BackendUnreachable(ClientError):
    """Nothing answers at the backend's address."""


class BackendTimeout(ClientError):
    """The backend did not answer in time."""


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
