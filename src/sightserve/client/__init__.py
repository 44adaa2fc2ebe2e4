"""The typed client of the HTTP contract: `Client` and `AsyncClient`, and the errors that they raise."""

from sightserve.client.aio import AsyncClient
from sightserve.client.errors import (
    AccessRefused,
    ApiError,
    BackendNotFound,
    BackendTimeout,
    BackendUnreachable,
    ClientError,
    IdentityError,
    InvalidAnswer,
)
from sightserve.client.http import Client

__all__ = [
    "AccessRefused",
    "ApiError",
    "AsyncClient",
    "BackendNotFound",
    "BackendTimeout",
    "BackendUnreachable",
    "Client",
    "ClientError",
    "IdentityError",
    "InvalidAnswer",
]
