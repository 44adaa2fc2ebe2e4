"""The typed client of the HTTP contract: `Client` and `AsyncClient`, and the errors that they raise."""

from sightserve.client.aio import AsyncClient
from sightserve.client.errors import ApiError, BackendTimeout, BackendUnreachable, ClientError, InvalidAnswer
from sightserve.client.http import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "BackendTimeout",
    "BackendUnreachable",
    "Client",
    "ClientError",
    "InvalidAnswer",
]
