"""Who asks: an ID token for a backend that is not open to all, fetched through google-auth and renewed before it expires.

The token is a bearer's: whoever has it is this app, to this one backend, for an hour. So it goes into one header of requests
to that backend, over TLS or inside this machine, and nowhere else: not to the browser, not into a log.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx2

from sightserve.client.addresses import is_safe, origin
from sightserve.client.credentials import (
    CREDENTIALS_FILE,
    content_of,
    credentials_file,
    has_metadata_server,
    within,
)
from sightserve.client.errors import IdentityError
from sightserve.installing import more

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_RENEW_BEFORE: Final = 300.0  # seconds before the end of a token's life (an hour, as Google makes them)
_RENEW_PAUSE: Final = 30.0  # between two tries to renew one that is still good
_LEAST_LIFE: Final = 10.0  # seconds that a token must still live when a request begins
_FETCH_SECONDS: Final = 8.0

_USER: Final = (
    "The application-default credentials are a person's, and Google gives no ID token for a service to those.",
    "Take a service account's identity: gcloud auth application-default login --impersonate-service-account=ACCOUNT",
)
_NOBODY: Final = (
    "There are no credentials to get an ID token with.",
    f"Set {CREDENTIALS_FILE} to a service account's key file, or run this on Cloud Run.",
)


@dataclass(frozen=True, slots=True)
class Token:
    """An ID token.

    Attributes:
        value: what goes into the header; not part of the `repr`, so that it is in no log.
        expires: seconds since the epoch.
    """

    value: str = field(repr=False)
    expires: float


Fetch = Callable[[], Token]


class Identity(httpx2.Auth):
    """Adds an ID token to each request to one backend. Safe to share between threads; one token is fetched at a time.

        Client(url, auth=Identity(url))

    A request fails with an `IdentityError` when no token is to be had.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Fetch | None = None,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; nothing is fetched before the first request.

        Args:
            url: the backend's address; its origin is the token's audience.
            fetch: gets a token, in place of google-auth; in tests.
            environment: says which credentials there are.
            clock: seconds since the epoch.

        Raises:
            IdentityError: the address is neither https nor on this machine.
        """
        if not is_safe(url):
            raise IdentityError(
                "An ID token is never sent over plain HTTP to another machine.",
                "Give the backend an https address, or set SIGHTSERVE_IDENTITY=never.",
            )
        self._audience = origin(url)
        self._settings: dict[str, Any] = {"fetch": fetch, "environment": environment, "clock": clock}
        self._fetch = fetch or (lambda: fetch_token(self._audience, environment))
        self._clock = clock
        self._lock = threading.Lock()
        # Guarded by _lock:
        self._token: Token | None = None
        self._next_try = float("-inf")
        self._flight: Future[Token] | None = None

    def __reduce__(self) -> tuple[Any, ...]:  # the copy fetches tokens of its own: none is written anywhere
        settings = {name: value for name, value in self._settings.items() if value not in (None, os.environ)}
        return partial(type(self), self._audience, **settings), ()

    def token(self, rejected: str | None = None) -> str:
        """Return a token that is good for now; may wait for a new one.

        Args:
            rejected: a token that the backend did not take, although it should still be good.

        Raises:
            IdentityError: none is to be had. Those who waited for it together hear that together.
        """
        with self._lock:
            good = self._good(rejected)
            # While one thread renews, the others go on with a token that is still good, and wait only where there is none.
            if good is not None and (self._flight is not None or not self._is_due(good)):
                return good.value
            flight, first = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
                self._next_try = self._clock() + _RENEW_PAUSE
        if first:
            self._renew(flight, good)
        return flight.result().value

    def _renew(self, flight: "Future[Token]", old: Token | None) -> None:
        """Fetch a token for all who wait; `old` is one that is still good, and will do where that fails."""
        try:
            token = self._fetch()
        except BaseException as error:
            if old is None or not isinstance(error, IdentityError):
                with self._lock:
                    self._flight = None
                flight.set_exception(error)
                raise
            token = old  # the next try may succeed in time
        with self._lock:
            self._flight, self._token = None, token
        flight.set_result(token)

    def _good(self, rejected: str | None) -> Token | None:
        token = self._token
        if token is None or token.value == rejected or token.expires - self._clock() < _LEAST_LIFE:
            return None
        return token

    def _is_due(self, token: Token) -> bool:
        return token.expires - self._clock() < _RENEW_BEFORE and self._clock() >= self._next_try

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send the request with a token, and once more with a new one when the backend does not take it."""
        if not self._is_ours(request):
            yield request
            return
        sent = self._signed(request, self.token())
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._signed(request, self.token(rejected=sent))
            yield request

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Do the same for the asynchronous client; the token is fetched in a thread."""
        if not self._is_ours(request):
            yield request
            return
        sent = self._signed(request, await asyncio.to_thread(self.token))
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._signed(request, await asyncio.to_thread(self.token, sent))
            yield request

    def _is_ours(self, request: httpx2.Request) -> bool:
        return origin(str(request.url)) == origin(str(httpx2.URL(self._audience)))

    @staticmethod
    def _signed(request: httpx2.Request, token: str) -> str:
        request.headers["Authorization"] = f"Bearer {token}"
        return token


def fetch_token(audience: str, environment: Mapping[str, str] = os.environ, seconds: float = _FETCH_SECONDS) -> Token:
    """Return a new ID token for this audience, from a service account's file or from the metadata server.

    Raises:
        IdentityError: there are no credentials for that, or Google does not answer within `seconds`.
    """
    try:
        return within(seconds, lambda: _fetch(audience, environment))
    except TimeoutError as exc:
        raise IdentityError(
            f"Google gave no ID token within {seconds:.0f} seconds.", "Wait a little and try again."
        ) from exc


def _fetch(audience: str, environment: Mapping[str, str]) -> Token:
    try:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow to import, and only needed here
        from google.auth.transport.requests import Request  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise IdentityError(f"{exc.name} is missing, a part of the extra 'gcp'.", f"Install it, {more('gcp')}") from exc
    try:
        credentials = _credentials(audience, environment)
        credentials.refresh(Request())
    except (
        GoogleAuthError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
    ) as exc:  # a file that lacks parts of itself
        # its text may quote Google's answer: no part of that is for a page
        raise IdentityError(
            f"Google gave no ID token ({type(exc).__name__}).", "Check the account that this app runs as."
        ) from exc
    if credentials.expiry is None or not credentials.token:
        raise IdentityError("Google gave an ID token without an end.", "Check the account that this app runs as.")
    return Token(credentials.token, credentials.expiry.replace(tzinfo=UTC).timestamp())  # google-auth's times are naive


def _credentials(audience: str, environment: Mapping[str, str]) -> "Credentials":
    from google.auth import compute_engine, impersonated_credentials  # noqa: PLC0415
    from google.oauth2 import service_account  # noqa: PLC0415

    file = credentials_file(environment)
    if file is None:
        if not has_metadata_server(environment):
            raise IdentityError(*_NOBODY)
        machine: Credentials = compute_engine.IDTokenCredentials(
            None, target_audience=audience, use_metadata_identity_endpoint=True
        )
        return machine
    try:
        content = content_of(file)
    except ValueError as exc:
        raise IdentityError(f"{str(exc).capitalize()}.", f"Check {CREDENTIALS_FILE}.") from exc
    match content.get("type"):
        case "service_account":
            account: Credentials = service_account.IDTokenCredentials.from_service_account_info(
                content, target_audience=audience
            )
            return account
        case "impersonated_service_account":
            target = impersonated_credentials.Credentials.from_impersonated_service_account_info(content)
            borrowed: Credentials = impersonated_credentials.IDTokenCredentials(
                target, target_audience=audience, include_email=True
            )
            return borrowed
        case "authorized_user":
            raise IdentityError(*_USER)
    raise IdentityError(f"Credentials of the type {content.get('type')!r} give no ID token here.", _NOBODY[1])
