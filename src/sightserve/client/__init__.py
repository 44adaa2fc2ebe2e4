"""The typed client of the HTTP contract: `Client` and `AsyncClient`, and the errors that they raise."""

from httpx2 import Timeout

from sightserve.client.aio import AsyncClient
from sightserve.client.errors import (
    AccessRefused,
    ApiError,
    BackendNotFound,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
    ConnectionBroken,
    GatewayError,
    IdentityError,
    InvalidAnswer,
)
from sightserve.client.http import Client
from sightserve.client.many import Answered
from sightserve.client.retry import Retry

__all__ = [
    "AccessRefused",
    "Answered",
    "ApiError",
    "AsyncClient",
    "BackendNotFound",
    "BackendTimeout",
    "BackendUnreachable",
    "Client",
    "ClientError",
    "ConnectionBroken",
    "GatewayError",
    "IdentityError",
    "InvalidAnswer",
    "Retry",
    "Timeout",
]
